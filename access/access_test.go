package access

import (
	"errors"
	"strings"
	"testing"
)

func TestPasswords(t *testing.T) {
	hash, err := HashPassword("correct horse battery")
	if err != nil {
		t.Fatal(err)
	}
	if err := CheckPassword(hash, "correct horse battery"); err != nil {
		t.Error(err)
	}
	other, _ := HashPassword("correct horse battery")
	if other == hash {
		t.Error("two hashes of one password are the same: the salt does nothing")
	}
	for _, wrong := range []string{"", "correct horse batterz", "Correct horse battery", strings.Repeat("x", 5000)} {
		if err := CheckPassword(hash, wrong); !errors.Is(err, ErrPassword) {
			t.Errorf("%.20q was taken", wrong)
		}
	}
	for _, broken := range []string{"", "$argon2id$v=19$m=0,t=1,p=1$AAAA$AAAAAAAAAAAAAAAAAAAAAA", strings.Replace(hash, "m=47104", "m=47103", 1), strings.Replace(hash, "argon2id", "argon2i", 1)} {
		if CheckPassword(broken, "correct horse battery") == nil {
			t.Errorf("hash %q was taken", broken)
		}
	}
	if _, err := HashPassword("short"); err == nil {
		t.Error("a password of five characters was taken")
	}
	if _, err := HashPassword("密码密码密码密码密码密码"); err != nil {
		t.Error("twelve characters are twelve characters in any script:", err)
	}
}

func TestRolesAndAreas(t *testing.T) {
	op := Actor{Name: "wang", Role: Operator, Areas: []string{"sichuan/aba"}}
	if op.Need(Viewer) != nil || op.Need(Operator) != nil || op.Need(Supervisor) == nil {
		t.Error("an operator is above a viewer and below a supervisor")
	}
	if (Actor{Role: Administrator}).Need(Viewer) == nil {
		t.Error("an actor without a name was let in")
	}
	if (Actor{Name: "x", Role: "owner"}).Need(Viewer) == nil {
		t.Error("an unknown role was let in")
	}
	for area, want := range map[string]bool{"sichuan/aba": true, "sichuan/aba/wenchuan": true, "sichuan": false, "sichuan/aba2": false, "": true} {
		if op.Sees(area) != want {
			t.Errorf("area %q: sees %v", area, !want)
		}
	}
	token, digest := NewToken()
	if TokenDigest(token) != digest || TokenDigest(token+"x") == digest || strings.Contains(digest, token) {
		t.Error("the digest does not belong to its token")
	}
}
