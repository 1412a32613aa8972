package plan

import (
	"strconv"
	"time"
)

// String renders a String, an ID or an enum.
func String[T ~string](s *State, _ *Field, v T) Result {
	if len(v) > plainText && !s.count(len(v)) {
		return Failed
	}
	s.buf = AppendString(s.buf, string(v))
	return Written
}

// Int renders an Int.
func Int[N int | int64](s *State, _ *Field, v N) Result {
	s.buf = strconv.AppendInt(s.buf, int64(v), 10)
	return Written
}

// Boolean renders a Boolean.
func Boolean(s *State, _ *Field, v bool) Result {
	s.buf = strconv.AppendBool(s.buf, v)
	return Written
}

// DateTime renders a DateTime as model.MarshalDateTime does: RFC 3339 in UTC with microseconds.
func DateTime(s *State, _ *Field, v time.Time) Result {
	v = v.UTC()
	year, month, day := v.Date()
	if year < 0 || year > 9999 {
		s.buf = v.AppendFormat(s.buf, `"2006-01-02T15:04:05.000000Z"`)
		return Written
	}
	hour, minute, second := v.Clock()
	b := s.buf
	b = append(b, '"')
	b = digits(append(digits(append(digits(b, year, 4), '-'), int(month), 2), '-'), day, 2)
	b = digits(append(digits(append(digits(append(b, 'T'), hour, 2), ':'), minute, 2), ':'), second, 2)
	s.buf = append(digits(append(b, '.'), v.Nanosecond()/1000, 6), `Z"`...)
	return Written
}

// digits appends n as a number of width digits.
func digits(b []byte, n, width int) []byte {
	b = append(b, "000000"[:width]...)
	for at := len(b) - 1; n > 0; at-- {
		b[at] = byte('0' + n%10)
		n /= 10
	}
	return b
}

const hex = "0123456789ABCDEF"

// AppendString appends a JSON string with the same escapes as gqlgen's: only those that JSON demands.
func AppendString(b []byte, text string) []byte {
	b = append(b, '"')
	start := 0
	for i := range len(text) {
		c := text[i]
		if c >= ' ' && c != '"' && c != '\\' {
			continue
		}
		b = append(b, text[start:i]...)
		start = i + 1
		switch c {
		case '"', '\\':
			b = append(b, '\\', c)
		case '\t':
			b = append(b, `\t`...)
		case '\r':
			b = append(b, `\r`...)
		case '\n':
			b = append(b, `\n`...)
		default:
			b = append(b, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		}
	}
	return append(append(b, text[start:]...), '"')
}
