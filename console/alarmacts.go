package console

import (
	"cmp"
	"errors"
	"strconv"
	"strings"

	"github.com/flatwatt/flatwatt/access"
	"github.com/flatwatt/flatwatt/casework"
	"github.com/flatwatt/flatwatt/casework/alarms"
)

var alarmActs = []act{
	{
		Path: "/alarms/acknowledge", Name: "acknowledgeAlarms", Role: access.Operator, Doc: "Say that alarms were seen",
		Fields: []field{refField, {Name: "note", Doc: "for the trail"}}, do: acknowledge,
	},
	{
		Path: "/alarms/shelve", Name: "shelveAlarms", Role: access.Operator, Doc: "Keep alarms off the list for a time",
		Fields: []field{
			refField, {Name: "reason", Needed: true, Doc: "why, in a word of the list or others"}, {Name: "note", Doc: "more about why"},
			{Name: "until", Type: "date", Needed: true, Doc: "last day"},
		}, do: shelve,
	},
	{
		Path: "/alarms/unshelve", Name: "unshelveAlarms", Role: access.Operator, Doc: "Put shelved alarms back on the list",
		Fields: []field{refField}, do: func(c *call) (done, error) {
			refs, err := c.refs()
			if err == nil {
				err = c.room().Unshelve(c.ctx, refs, "")
			}
			return done{Say: "alarms.unshelved", Args: []any{len(refs)}}, err
		},
	},
	{
		Path: "/alarms/assign", Name: "assignAlarms", Role: access.Operator, Doc: "Give alarms to somebody",
		Fields: []field{refField, {Name: "to", Doc: "a user; empty: nobody"}, {Name: "due", Type: "date", Doc: "day by which"}}, do: assignAlarms,
	},
	{
		Path: "/alarms/inspect", Name: "orderInspections", Role: access.Operator, Doc: "Open a case for each alarm, order its inspection and give it to an inspector",
		Fields: []field{refField, {Name: "to", Needed: true, Doc: "an inspector"}, {Name: "due", Type: "date", Doc: "day by which"}, {Name: "note", Doc: "what to look at"}}, do: orderInspections,
	},
	{
		Path: "/alarms/out-of-service", Name: "takeOutOfService", Role: access.Supervisor, Doc: "Take alarms off the list for maintenance",
		Fields: []field{refField, {Name: "reason", Needed: true, Doc: "why"}}, do: func(c *call) (done, error) {
			refs, err := c.refs()
			if err == nil {
				err = c.room().OutOfService(c.ctx, refs, c.text("reason"))
			}
			return done{Say: "alarms.taken_out", Args: []any{len(refs)}}, err
		},
	},
	{
		Path: "/alarms/return-to-service", Name: "returnToService", Role: access.Supervisor, Doc: "End out of service",
		Fields: []field{refField}, do: func(c *call) (done, error) {
			refs, err := c.refs()
			if err == nil {
				err = c.room().ReturnToService(c.ctx, refs, "")
			}
			return done{Say: "alarms.put_back", Args: []any{len(refs)}}, err
		},
	},
}

// refs are the alarms that a form names, at the versions that the person saw.
func (c *call) refs() ([]alarms.Ref, error) {
	var list []alarms.Ref
	for _, text := range c.in["ref"] {
		at := strings.LastIndexByte(text, '@')
		if at < 1 {
			return nil, badRequest("ref %q: want ID@version", text)
		}
		version, err := strconv.Atoi(text[at+1:])
		if err != nil || version < 0 {
			return nil, badRequest("ref %q: want a version after @", text)
		}
		list = append(list, alarms.Ref{ID: text[:at], Version: version})
	}
	return list, nil
}

func acknowledge(c *call) (done, error) {
	refs, err := c.refs()
	if err == nil {
		err = c.room().Acknowledge(c.ctx, refs, c.text("note"))
	}
	return done{Say: "alarms.acknowledged", Args: []any{len(refs)}}, err
}

func shelve(c *call) (done, error) {
	refs, err := c.refs()
	if err != nil {
		return done{}, err
	}
	reason := c.text("reason")
	if note := c.text("note"); note != "" {
		reason += ": " + note
	}
	return done{Say: "alarms.shelved", Args: []any{len(refs), c.text("until")}}, c.room().Shelve(c.ctx, refs, reason, c.text("until"))
}

func assignAlarms(c *call) (done, error) {
	refs, err := c.refs()
	if err == nil {
		err = c.room().Assign(c.ctx, refs, c.text("to"), c.text("due"), "")
	}
	if c.text("to") == "" {
		return done{Say: "alarms.unassigned", Args: []any{len(refs)}}, err
	}
	return done{Say: "alarms.assigned", Args: []any{len(refs), c.text("to")}}, err
}

// orderInspections takes alarms one by one: what was done before a conflict stays done,
// and the alarm in conflict is as it was.
func orderInspections(c *call) (done, error) {
	refs, err := c.refs()
	if err != nil {
		return done{}, err
	}
	if err := c.desk().CanWork(c.ctx, c.text("to")); err != nil {
		return done{}, err
	}
	var ids []string
	for _, ref := range refs {
		id, err := c.orderInspection(ref)
		if err != nil {
			return done{}, err
		}
		ids = append(ids, id)
	}
	what := done{Say: "alarms.ordered", Args: []any{strings.Join(ids, ", "), c.text("to")}, Body: map[string]any{"cases": ids}}
	return what, nil
}

func (c *call) orderInspection(ref alarms.Ref) (id string, err error) {
	room := c.room()
	a, version, err := room.Alarm(c.ctx, ref.ID)
	if err != nil {
		return "", err
	}
	if id = a.Case; id == "" {
		if id, err = room.OpenCase(c.ctx, ref, "", c.text("note")); err != nil {
			return "", err
		}
	} else if version != cmp.Or(ref.Version, version) { // let the store say who came first
		return "", room.Assign(c.ctx, []alarms.Ref{ref}, c.text("to"), c.text("due"), "")
	}
	return id, c.desk().Change(c.ctx, id, 0, "case.order", c.text("note"), func(one *casework.Case) error {
		for _, to := range []casework.State{casework.DeskReview, casework.Ordered} {
			if one.State == to || one.State == casework.Ordered {
				continue
			}
			if err := one.Move(to, "", c.who, c.now); err != nil {
				return err
			}
		}
		return one.Assign(c.text("to"), c.text("due"), c.who)
	})
}

func isMissing(err error) bool { return errors.Is(err, casework.ErrNotFound) }
