package casework

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"

	"github.com/flatwatt/flatwatt/access"
)

// A User is somebody who may sign in.
type User struct {
	Role     access.Role `json:"role"`
	Areas    []string    `json:"areas,omitempty"` // empty: all
	Password string      `json:"password"`        // argon2id; "" for those with tokens only
	Tokens   []Token     `json:"tokens,omitempty"`
	Disabled bool        `json:"disabled,omitempty"`
}

// A Token lets a program act as its user. Only its digest is kept.
type Token struct {
	Name   string `json:"name"`
	Digest string `json:"digest"`
	Until  string `json:"until"` // 2006-01-02, last day on which it is good, UTC
}

var userName = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,63}$`)

// Actor is the user as an actor.
func (u User) Actor(name string) access.Actor {
	return access.Actor{Name: name, Role: u.Role, Areas: u.Areas}
}

// AddUser adds a user. The first one may be added by anybody who can open the database
// and must be an administrator; after that only administrators may.
func (d Desk) AddUser(ctx context.Context, name, password string, role access.Role, areas []string) error {
	users, err := d.Store.List(ctx, KindUser)
	if err != nil {
		return err
	}
	if len(users) == 0 && role != access.Administrator {
		return errors.New("user: the first user must be an administrator, who then adds the others")
	}
	if len(users) > 0 {
		if err := d.Who.Need(access.Administrator); err != nil {
			return err
		}
	}
	if !userName.MatchString(name) {
		return fmt.Errorf("user %q: want up to 64 of a–z, 0–9, dot, dash and underscore", name)
	}
	if slices.ContainsFunc(users, func(one Record) bool { return one.ID == name }) {
		return fmt.Errorf("user %s: exists already; change that one, or take another name", name)
	}
	u := User{Role: role, Areas: areas}
	if u.Password, err = access.HashPassword(password); err != nil {
		return err
	}
	return Put(ctx, d.Store, d.Act("user.add", string(role)), KindUser, name, 0, u)
}

// ChangeUser applies do to a user. Nobody but an administrator may, and the last
// administrator cannot be lost.
func (d Desk) ChangeUser(ctx context.Context, name, action string, do func(*User) error) error {
	if err := d.Who.Need(access.Administrator); err != nil {
		return err
	}
	u, version, err := Get[User](ctx, d.Store, KindUser, name)
	if err != nil {
		return err
	}
	if err := do(&u); err != nil {
		return err
	}
	users, err := List[User](ctx, d.Store, KindUser)
	if err != nil {
		return err
	}
	left := slices.ContainsFunc(users, func(o Versioned[User]) bool {
		return o.ID != name && o.Value.Role == access.Administrator && !o.Value.Disabled
	})
	if !left && (u.Role != access.Administrator || u.Disabled) {
		return fmt.Errorf("user %s: is the last administrator; make another one first", name)
	}
	return Put(ctx, d.Store, d.Act(action, ""), KindUser, name, version, u)
}

// decoy costs a wrong name as much time as a wrong password.
const decoy = "$argon2id$v=19$m=47104,t=1,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

// SignIn is the actor behind a name and password. Wrong ones look alike.
func SignIn(ctx context.Context, s Store, name, password string) (access.Actor, error) {
	u, _, err := Get[User](ctx, s, KindUser, name)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return access.Actor{}, err
	}
	hash := u.Password
	if err != nil || u.Disabled || hash == "" {
		hash = decoy
	}
	if wrong := access.CheckPassword(hash, password); wrong != nil {
		return access.Actor{}, wrong
	}
	return u.Actor(name), nil
}

// ByToken is the actor behind a token on the day today, 2006-01-02.
func ByToken(ctx context.Context, s Store, token, today string) (access.Actor, error) {
	users, err := List[User](ctx, s, KindUser)
	if err != nil {
		return access.Actor{}, err
	}
	digest := access.TokenDigest(token)
	for _, u := range users {
		for _, t := range u.Value.Tokens {
			if t.Digest == digest && today <= t.Until && !u.Value.Disabled {
				return u.Value.Actor(u.ID), nil
			}
		}
	}
	return access.Actor{}, access.ErrPassword
}

// CanWork says whether somebody can be given work: nobody (""), or a user who is not
// locked out and is at least an operator.
func (d Desk) CanWork(ctx context.Context, name string) error {
	if name == "" {
		return nil
	}
	u, _, err := Get[User](ctx, d.Store, KindUser, name)
	switch {
	case errors.Is(err, ErrNotFound) || err == nil && u.Disabled:
		return fmt.Errorf("assignee %q: is no user who can sign in; `flatwatt user list` lists them", name)
	case err != nil:
		return err
	}
	return u.Actor(name).Need(access.Operator)
}
