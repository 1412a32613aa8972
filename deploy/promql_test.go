package deploy

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// known is what an expression may name: the labels of each series that Prometheus stores.
type known map[string][]string

// ofPrometheus are labels that each series gets when it is scraped.
var ofPrometheus = []string{"job", "instance"}

var (
	promToken   = regexp.MustCompile(`"(?:[^"\\]|\\.)*"|\[[^\]]*\]|[0-9.]+(?:e[0-9]+)?[smhdw]?|[a-zA-Z_][a-zA-Z0-9_]*|[(){},]|[=!~<>]+|\S`)
	promName    = regexp.MustCompile(`^[a-zA-Z_]`)
	promGroup   = regexp.MustCompile(`^(by|without|on|ignoring|group_left|group_right)$`)
	promWord    = regexp.MustCompile(`^(and|or|unless|bool|offset|sum|min|max|avg|count|topk|rate|increase|changes|histogram_quantile|vector|avg_over_time|min_over_time|max_over_time|label_values)$`)
	promLiteral = regexp.MustCompile(`^[a-zA-Z_]+(\|[a-zA-Z_]+)*$`) // a matcher that names values, and not a pattern
)

// used is what an expression names.
type used struct {
	metrics []string
	labels  map[string][]string // by metric: in its braces
	groups  []string            // labels of by (…), on (…) and so on
	values  []string            // that matchers compare with
	faults  []string
}

// read finds the names in an expression. It is not a parser, as promtool is. It has to find each name.
func read(expr string) used {
	u := used{labels: map[string][]string{}}
	tokens := promToken.FindAllString(expr, -1)
	for i := 0; i < len(tokens); i++ {
		switch token := tokens[i]; {
		case promGroup.MatchString(token):
			end := closing(tokens, i)
			u.groups = append(u.groups, names(tokens[i+1:end])...)
			i = end
		case !promName.MatchString(token) || promWord.MatchString(token):
		case i+1 < len(tokens) && tokens[i+1] == "(":
			u.faults = append(u.faults, "the function "+token+" is not one that this test knows")
		default:
			u.metrics = append(u.metrics, token)
			if i+1 < len(tokens) && tokens[i+1] == "{" {
				end := closing(tokens, i)
				u.matchers(token, tokens[i+1:end])
				i = end
			}
		}
	}
	return u
}

// matchers reads what is in the braces of a metric.
func (u *used) matchers(metric string, tokens []string) {
	u.labels[metric] = append(u.labels[metric], names(tokens)...)
	for i, token := range tokens {
		text := strings.Trim(token, `"`)
		if promLiteral.MatchString(text) && token != text && tokens[i-2] != "job" {
			u.values = append(u.values, strings.Split(text, "|")...)
		}
	}
}

// closing is the place of the bracket that closes the next one.
func closing(tokens []string, from int) int {
	i := slices.IndexFunc(tokens[from:], func(token string) bool { return token == ")" || token == "}" })
	if i < 0 {
		return len(tokens)
	}
	return from + i
}

func names(tokens []string) (all []string) {
	for _, token := range tokens {
		if promName.MatchString(token) {
			all = append(all, token)
		}
	}
	return all
}

// faults says what an expression, with the labels that its legend shows, names wrongly.
func (k known) faults(expr string, legend []string, words map[string]bool) []string {
	u := read(expr)
	faults := u.faults
	labels := slices.Clone(ofPrometheus)
	for _, metric := range u.metrics {
		have, ok := k[metric]
		if !ok {
			faults = append(faults, "there is no series "+metric)
		}
		labels = append(labels, have...)
		for _, label := range u.labels[metric] {
			if !slices.Contains(have, label) && !slices.Contains(ofPrometheus, label) {
				faults = append(faults, metric+" has no label "+label)
			}
		}
	}
	if len(u.metrics) == 0 {
		faults = append(faults, "it names no metric")
	}
	for _, label := range append(u.groups, legend...) {
		if !slices.Contains(labels, label) {
			faults = append(faults, "no metric of it has the label "+label)
		}
	}
	for _, value := range u.values {
		if !words[value] {
			faults = append(faults, fmt.Sprintf("the program has no word %q", value))
		}
	}
	return faults
}
