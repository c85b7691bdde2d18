package console

import (
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/flatwatt/flatwatt/access"
	"github.com/flatwatt/flatwatt/casework"
)

// usersPage lists users. No password and no token is ever in it.
type usersPage struct {
	Rows  []userRow `json:"users"`
	Roles []string  `json:"-"`
	OIDC  bool      `json:"oidc"`
}

type userRow struct {
	Name     string     `json:"name"`
	Version  int        `json:"version"`
	Role     string     `json:"role"`
	Areas    []string   `json:"areas"`
	Disabled bool       `json:"disabled"`
	Password bool       `json:"has_password"`
	Tokens   []tokenRow `json:"tokens"`
	Sessions int        `json:"sessions"` // open now
}

type tokenRow struct {
	Name  string `json:"name"`
	Until string `json:"until"`
}

var roleWords = []string{string(access.Viewer), string(access.Operator), string(access.Inspector), string(access.Supervisor), string(access.Administrator)}

func (c *call) userRow(v casework.Versioned[casework.User]) userRow {
	u := v.Value
	row := userRow{Name: v.ID, Version: v.Version, Role: string(u.Role), Areas: append([]string{}, u.Areas...), Disabled: u.Disabled, Password: u.Password != "", Tokens: []tokenRow{}}
	for _, t := range u.Tokens {
		row.Tokens = append(row.Tokens, tokenRow{t.Name, t.Until})
	}
	row.Sessions = len(c.Sessions.Of(v.ID, c.now))
	return row
}

func usersView(c *call) (any, error) {
	users, err := c.cases.users.List(c.ctx)
	p := usersPage{Rows: []userRow{}, Roles: roleWords, OIDC: c.OIDC != nil}
	for _, u := range users {
		p.Rows = append(p.Rows, c.userRow(u))
	}
	return p, err
}

// mePage is the person's own account.
type mePage struct {
	userRow
	Open     []access.Session `json:"open_sessions"`
	NewToken string           `json:"-"`
}

func meView(c *call) (any, error) {
	u, version, err := casework.Get[casework.User](c.ctx, c.Store, casework.KindUser, c.who.Name)
	if isMissing(err) { // the service's own token is no user
		return mePage{userRow: userRow{Name: c.who.Name, Role: string(c.who.Role), Areas: []string{}, Tokens: []tokenRow{}}, Open: []access.Session{}}, nil
	}
	p := mePage{userRow: c.userRow(casework.Versioned[casework.User]{ID: c.who.Name, Version: version, Value: u})}
	p.Open = append([]access.Session{}, c.Sessions.Of(c.who.Name, c.now)...)
	return p, err
}

var systemActs = []act{
	{
		Path: "/users", Name: "addUser", Role: access.Administrator, Doc: "Add a user",
		Fields: []field{
			{Name: "name", Needed: true, Doc: "a–z, 0–9, dot, dash, underscore"}, {Name: "role", Needed: true, Words: roleWords, Doc: "role"},
			{Name: "areas", Doc: "areas with commas between; empty: all"}, {Name: "password", Needed: true, Doc: "12 to 128 characters"},
		},
		do: func(c *call) (done, error) {
			err := c.desk().AddUser(c.ctx, c.text("name"), c.in.Get("password"), access.Role(c.text("role")), areasOf(c.text("areas")))
			return done{To: "/users", Say: "users.added", Args: []any{c.text("name")}}, err
		},
	},
	{
		Path: "/users/{name}/change", Name: "changeUser", Role: access.Administrator, Doc: "Change a user's role, areas or password, or lock them out",
		Fields: []field{
			{Name: "role", Words: roleWords, Doc: "role"}, {Name: "areas", Doc: "areas with commas between; empty: all"},
			{Name: "disabled", Words: []string{"true", "false"}, Doc: "true locks out"}, {Name: "password", Doc: "a new one; empty keeps it"},
		}, do: changeUser,
	},
	{
		Path: "/me/password", Name: "changePassword", Doc: "Change your password; all your other sessions end",
		Fields: []field{{Name: "old", Needed: true, Doc: "the present one"}, {Name: "new", Needed: true, Doc: "12 to 128 characters"}}, do: changePassword,
	},
	{
		Path: "/me/sign-out-others", Name: "signOutOthers", Doc: "End all your other sessions",
		do: func(c *call) (done, error) {
			secret, _ := c.secret(c.r)
			ended, err := c.Sessions.EndOthers(c.who.Name, secret)
			return done{To: "/me", Say: "me.ended", Args: []any{ended}}, err
		},
	},
	{
		Path: "/me/tokens", Name: "addToken", Doc: "Make a token for a program; it is shown once",
		Fields: []field{{Name: "name", Needed: true, Doc: "what it is for"}, {Name: "until", Type: "date", Needed: true, Doc: "last day, at most a year ahead"}}, do: addToken,
	},
	{
		Path: "/me/tokens/{name}/remove", Name: "removeToken", Doc: "Make a token useless",
		do: func(c *call) (done, error) {
			err := c.changeMe("user.token_remove", func(u *casework.User) error {
				u.Tokens = slices.DeleteFunc(slices.Clone(u.Tokens), func(t casework.Token) bool { return t.Name == c.path("name") })
				return nil
			})
			return done{To: "/me", Say: "me.token_removed", Args: []any{c.path("name")}}, err
		},
	},
}

func areasOf(text string) (areas []string) {
	for part := range strings.SplitSeq(text, ",") {
		if part = strings.TrimSpace(part); part != "" {
			areas = append(areas, part)
		}
	}
	return areas
}

func changeUser(c *call) (done, error) {
	name, hash := c.path("name"), ""
	var err error
	if password := c.in.Get("password"); password != "" {
		if hash, err = c.hash(password); err != nil {
			return done{}, err
		}
	}
	err = c.desk().ChangeUser(c.ctx, name, "user.change", func(u *casework.User) error {
		if role := c.text("role"); role != "" {
			u.Role = access.Role(role)
		}
		if c.in.Has("areas") {
			u.Areas = areasOf(c.text("areas"))
		}
		if hash != "" {
			u.Password = hash
		}
		if v := c.text("disabled"); v != "" {
			u.Disabled = v == "true"
		}
		return nil
	})
	if err == nil && (hash != "" || c.text("disabled") == "true") {
		_, err = c.Sessions.EndOthers(name, "") // whoever knew the old password is out
	}
	return done{To: "/users", Say: "users.changed", Args: []any{name}}, err
}

func (c *call) hash(password string) (string, error) {
	c.hashing <- struct{}{}
	defer func() { <-c.hashing }()
	return access.HashPassword(password)
}

func changePassword(c *call) (done, error) {
	_, err := c.signIn(c.r, c.who.Name, c.in.Get("old"))
	if errors.As(err, &waitError{}) {
		return done{}, badRequest("too many tries: wait a minute")
	}
	if err != nil {
		return done{}, badRequest("the present password is wrong")
	}
	hash, err := c.hash(c.in.Get("new"))
	if err != nil {
		return done{}, err
	}
	if err := c.changeMe("user.password", func(u *casework.User) error { u.Password = hash; return nil }); err != nil {
		return done{}, err
	}
	secret, _ := c.secret(c.r)
	_, err = c.Sessions.EndOthers(c.who.Name, secret)
	return done{To: "/me", Say: "me.password_changed"}, err
}

// changeMe changes the person's own record, which needs no administrator.
func (c *call) changeMe(action string, do func(*casework.User) error) error {
	u, version, err := casework.Get[casework.User](c.ctx, c.Store, casework.KindUser, c.who.Name)
	if err != nil {
		return err
	}
	if err := do(&u); err != nil {
		return err
	}
	return casework.Put(c.ctx, c.Store, c.desk().Act(action, ""), casework.KindUser, c.who.Name, version, u)
}

// maxTokens bounds the tokens of one user.
const maxTokens = 20

func addToken(c *call) (done, error) {
	until := c.text("until")
	if last := c.now.AddDate(1, 0, 0).Format(time.DateOnly); until < c.now.Format(time.DateOnly) || until > last {
		return done{}, badRequest("until %s: want a day from today to %s", until, last)
	}
	token, digest := access.NewToken()
	err := c.changeMe("user.token_add", func(u *casework.User) error {
		if len(u.Tokens) >= maxTokens || slices.ContainsFunc(u.Tokens, func(t casework.Token) bool { return t.Name == c.text("name") }) {
			return badRequest("name %s: is taken, or there are %d tokens already: remove one first", c.text("name"), maxTokens)
		}
		u.Tokens = append(slices.Clone(u.Tokens), casework.Token{Name: c.text("name"), Digest: digest, Until: until})
		return nil
	})
	return done{To: "/me", Say: "me.token_added", Args: []any{token}, Body: map[string]any{"token": token}}, err
}
