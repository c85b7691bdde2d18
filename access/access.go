// Package access says who may do what: roles and areas, passwords and tokens. It keeps
// nothing; package casework stores users.
package access

import (
	"fmt"
	"slices"
	"strings"
)

// A Role is what a user is trusted with. Each can do what the ones before it can.
type Role string

const (
	Viewer        Role = "viewer"        // reads
	Operator      Role = "operator"      // works on alarms and cases
	Inspector     Role = "inspector"     // enters what inspections found
	Supervisor    Role = "supervisor"    // second pair of eyes; ledger, tariffs, issued reports
	Administrator Role = "administrator" // users
)

// roles are all roles, the least trusted first.
var roles = []Role{Viewer, Operator, Inspector, Supervisor, Administrator}

// ParseRole reads a role's name.
func ParseRole(name string) (Role, error) {
	if r := Role(name); slices.Contains(roles, r) {
		return r, nil
	}
	return "", fmt.Errorf("role %q: want one of viewer, operator, inspector, supervisor, administrator", name)
}

// An Actor is who asks for a change, as it stands in the audit trail.
type Actor struct {
	Name  string
	Role  Role
	Areas []string // whose records the actor sees; empty: all
}

// ErrForbidden marks what an actor may not do.
type ErrForbidden struct{ Actor, Needs string }

func (e ErrForbidden) Error() string { return fmt.Sprintf("%s may not do this: %s", e.Actor, e.Needs) }

// Need refuses an actor without a name or below the role least.
func (a Actor) Need(least Role) error {
	if strings.TrimSpace(a.Name) == "" {
		return ErrForbidden{"nobody", "say who acts, so that the audit trail can name them"}
	}
	if slices.Index(roles, a.Role) < slices.Index(roles, least) {
		return ErrForbidden{a.Name, fmt.Sprintf("the role %s is needed, theirs is %s", least, a.Role)}
	}
	return nil
}

// Sees says whether records of area are the actor's to see. An area is a path such as
// "sichuan/aba"; whoever sees it sees what lies below. Records without an area are
// everybody's.
func (a Actor) Sees(area string) bool {
	if len(a.Areas) == 0 || area == "" {
		return true
	}
	return slices.ContainsFunc(a.Areas, func(own string) bool {
		return area == own || strings.HasPrefix(area, own+"/")
	})
}
