package postgres

import (
	"strconv"
	"time"
)

// scanQuickly reads the text of a value into a variable of one of the types that most columns have. It is false for other types, which are
// pgx's business, as is a text that it cannot read.
func scanQuickly(value []byte, dest any) bool {
	var err error
	switch into := dest.(type) {
	case *string:
		*into = string(value)
	case **string:
		*into = new(string(value))
	case *int64:
		*into, err = strconv.ParseInt(string(value), 10, 64)
	case *time.Time:
		*into, err = parseTime(value)
	case **time.Time:
		var at time.Time
		at, err = parseTime(value)
		*into = &at
	default:
		return false
	}
	return err == nil
}

// parseTime reads a time with its zone. The session's form of times is ISO (sessionSettings), and its zone UTC, unless a pooler ignored that.
func parseTime(value []byte) (time.Time, error) {
	if t, ok := parseUTC(value); ok {
		return t, nil
	}
	t, err := time.Parse("2006-01-02 15:04:05.999999-07", string(value))
	if err != nil {
		t, err = time.Parse("2006-01-02 15:04:05.999999-07:00", string(value))
	}
	return t.UTC(), err
}

// parseUTC reads the form that nearly all times have, 2006-01-02 15:04:05.999999+00, in a sixth of the time that package time takes: a page has
// a hundred of them. It is false for all other forms, and leaves it to package time to judge them.
func parseUTC(value []byte) (t time.Time, ok bool) {
	const form = "0000-00-00 00:00:00"
	if len(value) <= len(form) {
		return t, false
	}
	for i, want := range []byte(form) {
		if is := value[i]; want == '0' && (is < '0' || is > '9') || want != '0' && is != want {
			return t, false
		}
	}
	nanoseconds, zone := 0, value[len(form):]
	if zone[0] == '.' && len(zone) > len(".+00") {
		unit := int(time.Second)
		for zone = zone[1:]; len(zone) > 0 && zone[0] >= '0' && zone[0] <= '9' && unit > 1; zone = zone[1:] {
			unit /= 10
			nanoseconds += int(zone[0]-'0') * unit
		}
	}
	two := func(at int) int { return int(value[at]-'0')*10 + int(value[at+1]-'0') }
	year, month, day, hour, minute, second := two(0)*100+two(2), two(5), two(8), two(11), two(14), two(17)
	if string(zone) != "+00" || month < 1 || month > 12 || day < 1 || day > 28 && day > daysIn(year, month) || hour > 23 || minute > 59 || second > 59 {
		return t, false
	}
	return time.Date(year, time.Month(month), day, hour, minute, second, nanoseconds, time.UTC), true
}

func daysIn(year, month int) int {
	return time.Date(year, time.Month(month+1), 0, 0, 0, 0, 0, time.UTC).Day()
}
