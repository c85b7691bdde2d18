package wire

// A parser walks over JSON text. The first error sticks. It takes only what
// encoding/json takes, which a fuzz test checks; being told what to expect, it needs
// no reflection and no allocation.
type parser struct {
	b   []byte
	i   int    // next byte
	row int    // start of the current row
	err string // what was expected
	at  int    // where err was found
}

func (p *parser) fail(what string) {
	if p.err == "" {
		p.err, p.at = what, p.i
	}
}

// peek skips white space and returns the next byte, 0 at the end.
func (p *parser) peek() byte {
	for ; p.i < len(p.b); p.i++ {
		if c := p.b[p.i]; c != ' ' && c != '\t' && c != '\n' && c != '\r' {
			if c == 0 {
				p.fail("a NUL byte")
			}
			return c
		}
	}
	return 0
}

func (p *parser) expect(c byte) bool {
	if p.peek() != c {
		p.fail("want " + string(rune(c)))
		return false
	}
	p.i++
	return true
}

// comma reads what follows an element: false after a comma, true after end or an error.
func (p *parser) comma(end byte) bool {
	switch p.peek() {
	case ',':
		p.i++
		return false
	case end:
		p.i++
	default:
		p.fail("want a comma or " + string(rune(end)))
	}
	return true
}

// str reads a string and returns its value, part of b where it holds no escapes.
func (p *parser) str() []byte {
	if !p.expect('"') {
		return nil
	}
	start, escaped := p.i, false
	for ; p.i < len(p.b); p.i++ {
		switch c := p.b[p.i]; {
		case c == '"':
			p.i++
			if !escaped {
				return p.b[start : p.i-1]
			}
			s, ok := unquote(p.b[start-1 : p.i])
			if !ok {
				p.fail("a wrong escape in a string")
			}
			return s
		case c == '\\':
			escaped = true
			p.i++
		case c < 0x20:
			p.fail("a control character in a string")
			return nil
		}
	}
	p.fail("a string without end")
	return nil
}

// number reads a number by JSON's grammar.
func (p *parser) number() []byte {
	start := p.i
	p.have('-')
	if !p.have('0') && p.digits() == 0 {
		p.fail("want a digit")
	}
	if p.have('.') && p.digits() == 0 {
		p.fail("want a digit after the point")
	}
	if p.have('e') || p.have('E') {
		if !p.have('+') {
			p.have('-')
		}
		if p.digits() == 0 {
			p.fail("want a digit in the exponent")
		}
	}
	return p.b[start:p.i]
}

func (p *parser) have(c byte) bool {
	ok := p.i < len(p.b) && p.b[p.i] == c
	if ok {
		p.i++
	}
	return ok
}

func (p *parser) digits() int {
	start := p.i
	for p.i < len(p.b) && p.b[p.i]-'0' <= 9 {
		p.i++
	}
	return p.i - start
}

// skip reads any value and forgets it.
func (p *parser) skip(depth int) {
	switch c := p.peek(); {
	case depth > maxJSONDepth:
		p.fail("too many levels: a reading is flat")
	case c == '"':
		p.str()
	case c == '-' || c >= '0' && c <= '9':
		p.number()
	case c == '{' || c == '[':
		p.skipAll(c, depth)
	case c == 't':
		p.word("true")
	case c == 'f':
		p.word("false")
	case c == 'n':
		p.word("null")
	default:
		p.fail("want a value")
	}
}

// skipAll reads the elements of an object or array.
func (p *parser) skipAll(open byte, depth int) {
	end := open + 2 // in ASCII both } and ] are two after their partner
	p.i++
	if p.peek() == end {
		p.i++
		return
	}
	for p.err == "" {
		if open == '{' {
			if p.str(); p.err != "" || !p.expect(':') {
				return
			}
		}
		if p.skip(depth + 1); p.err != "" || p.comma(end) {
			return
		}
	}
}

func (p *parser) word(w string) {
	if len(p.b)-p.i < len(w) || string(p.b[p.i:p.i+len(w)]) != w {
		p.fail("want " + w)
		return
	}
	p.i += len(w)
}
