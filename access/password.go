package access

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"
)

// Costs of argon2id: OWASP's first recommendation of 19 MiB and two passes, more than
// doubled in memory. A guess costs 46 MiB and some 50 ms of one core.
const (
	argonMemoryKiB = 46 * 1024
	argonPasses    = 1
	argonThreads   = 1
	argonSalt      = 16
	argonKey       = 32
)

// Bounds of a password in characters. The upper one keeps a guess from costing more than
// its hash.
const (
	MinPassword = 12
	MaxPassword = 128
)

// HashPassword is the argon2id hash of a password in the usual encoding, which names its
// own costs, so that they can rise without a migration.
func HashPassword(password string) (string, error) {
	n := utf8.RuneCountInString(password)
	if n < MinPassword || n > MaxPassword {
		return "", fmt.Errorf("password: %d characters; want %d to %d", n, MinPassword, MaxPassword)
	}
	salt := make([]byte, argonSalt)
	if _, err := rand.Read(salt); err != nil {
		return "", err
	}
	key := argon2.IDKey([]byte(password), salt, argonPasses, argonMemoryKiB, argonThreads, argonKey)
	b64 := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, argonMemoryKiB, argonPasses, argonThreads,
		b64.EncodeToString(salt), b64.EncodeToString(key)), nil
}

// ErrPassword says that a password is wrong, and no more than that.
var ErrPassword = errors.New("name or password is wrong")

// CheckPassword compares a password with a hash in constant time.
func CheckPassword(hash, password string) error {
	parts := strings.Split(hash, "$")
	var version, memory, passes, threads int
	if len(parts) != 6 || parts[1] != "argon2id" {
		return ErrPassword
	}
	if _, err := fmt.Sscanf(parts[2]+" "+parts[3], "v=%d m=%d,t=%d,p=%d", &version, &memory, &passes, &threads); err != nil || version != argon2.Version {
		return ErrPassword
	}
	salt, err1 := base64.RawStdEncoding.DecodeString(parts[4])
	want, err2 := base64.RawStdEncoding.DecodeString(parts[5])
	sane := memory > 0 && memory <= 1<<20 && passes > 0 && passes <= 16 && threads > 0 && threads <= 16
	if err1 != nil || err2 != nil || len(want) < 16 || !sane || utf8.RuneCountInString(password) > MaxPassword {
		return ErrPassword
	}
	got := argon2.IDKey([]byte(password), salt, uint32(passes), uint32(memory), uint8(threads), uint32(len(want)))
	if subtle.ConstantTimeCompare(got, want) != 1 {
		return ErrPassword
	}
	return nil
}

// NewToken is a fresh random token of 256 bits and the digest under which it is stored.
// A token needs no slow hash: it cannot be guessed.
func NewToken() (token, digest string) {
	b := make([]byte, 32)
	_, _ = rand.Read(b) // never fails
	token = "fw_" + base64.RawURLEncoding.EncodeToString(b)
	return token, TokenDigest(token)
}

// TokenDigest is what is stored of a token.
func TokenDigest(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}
