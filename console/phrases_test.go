package console

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/flatwatt/flatwatt/access"
)

// notForPeople are files whose errors no page shows: configuration, set-up and storage.
var notForPeople = []string{"policy.go", "schedule.go", "hook.go", "sender.go", "places.go", "sqlite.go", "yaml.go", "audit.go", "oidc.go", "session.go",
	"sheet.go", "store.go", "cache.go", "server.go", "lang.go", "phrases.go", "render.go", "funcs.go"}

// TestEveryRuleHasItsPhrase: what the rules of casework, access and the console say is
// there in Chinese, and each phrase is said somewhere.
func TestEveryRuleHasItsPhrase(t *testing.T) {
	list, err := loadPhrases(chinese)
	if err != nil {
		t.Fatal(err)
	}
	c := &call{Server: &Server{phrases: map[string][]phrase{chinese: list}}, lang: chinese}
	if c.catalogs, err = loadCatalogs(); err != nil {
		t.Fatal(err)
	}
	formats := ruleFormats(t)
	if len(formats) < 80 {
		t.Errorf("only %d rules found", len(formats))
	}
	for _, format := range formats {
		said := fmt.Sprintf(format, sampleArgs(format)...)
		if got := c.sentence(said); got == said || strings.Contains(got, "%!") {
			t.Errorf("%q stays %q", format, got)
		}
	}
	rules := len(list)
	for _, p := range list {
		if strings.Contains(p.english.String(), "may not do this") { // put together by access.ErrForbidden
			rules--
		}
	}
	if rules > len(formats) {
		t.Errorf("%d phrases for %d rules: some are said no more", rules, len(formats))
	}
}

func TestSentencesInChinese(t *testing.T) {
	r := newRoom(t)
	c := &call{Server: r.s, lang: chinese}
	for _, k := range []struct{ says, want string }{
		{"alarm c1: is shelved; only what is unacknowledged can be acknowledged", "alarm c1: 当前状态为“搁置”，只有未确认的才能确认"},
		{"state: a case cannot go from open to closed; it can go to desk review, cleared", "案件不能从“立案”变为“结案”，可变为：案头核查, 排除"},
		{"onset not proven: 3 months before the listing", "起始日期无证据：自列入名单前 3 个月起"},
		{`credit code "9135010OM000100Y43": character 8 is 'O'; want digits and capitals without I, O, S, V, Z`, "统一社会信用代码“9135010OM000100Y43”第 8 位是 O，应为数字或大写字母（不含 I、O、S、V、Z）"},
		{access.Actor{Name: "wang", Role: access.Operator}.Need(access.Supervisor).Error(), "wang 需要“主管”角色，当前角色为“值班员”"},
		{"something else", "something else"},
	} {
		if got := c.sentence(k.says); got != k.want {
			t.Errorf("%s\n got %s\nwant %s", k.says, got, k.want)
		}
	}
	if c.lang = english; c.explain(errors.New("reason: say why")) != "Not done: reason: say why" {
		t.Error("English is translated")
	}
}

// ruleFormats are the formats of errors that people may see.
func ruleFormats(t *testing.T) []string {
	t.Helper()
	list := []string{"from the listing", "all use since the proven onset", "onset not proven: %d months before the listing", "follows what is billed already"}
	for _, dir := range []string{".", "../casework", "../access"} {
		err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			name := filepath.Base(path)
			if err != nil || d.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") || slices.Contains(notForPeople, name) {
				return err
			}
			file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
			if err == nil {
				list = append(list, errorFormats(file)...)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// errorFormats are the literal formats of a file's errors that wrap no other.
func errorFormats(file *ast.File) (list []string) {
	literal := func(e ast.Expr) string {
		if one, ok := e.(*ast.BasicLit); ok && one.Kind == token.STRING {
			s, _ := strconv.Unquote(one.Value)
			return s
		}
		return ""
	}
	ast.Inspect(file, func(n ast.Node) bool {
		one, ok := n.(*ast.CallExpr)
		if !ok || len(one.Args) == 0 {
			return true
		}
		name := ""
		switch f := one.Fun.(type) {
		case *ast.Ident:
			name = f.Name
		case *ast.SelectorExpr:
			name = f.Sel.Name
		}
		s := literal(one.Args[0])
		if (name == "Errorf" || name == "New" || name == "badRequest") && s != "" && !strings.Contains(s, "%w") && s != "want true or false" {
			list = append(list, s)
		}
		return true
	})
	return list
}

func sampleArgs(format string) (args []any) {
	for _, v := range verb.FindAllString(format, -1) {
		switch v {
		case "%d":
			args = append(args, 12)
		case "%g":
			args = append(args, 0.5)
		default:
			args = append(args, "x1")
		}
	}
	return args
}
