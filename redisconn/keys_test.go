package redisconn

import (
	"math"
	"path"
	"slices"
	"strings"
	"testing"
)

// kinds are the names of every kind, for one database.
func kinds(k *Keys) map[string]string {
	return map[string]string{
		"chat": k.Chat("x"), "list": k.List("x"), "online": k.Online("x"), "instances": k.Instances(3), "rate": k.Rate("x"),
		"channel": k.Channel(3), "probe": k.Probe(3, "x"), "check": k.Check(3, "x"),
	}
}

func TestAScanReachesItsKindAlone(t *testing.T) {
	t.Parallel()
	k := NewKeys("p", "d")
	for kind, name := range kinds(k) {
		found, err := path.Match(k.Cached(), name)
		if cached := kind == "chat" || kind == "list"; err != nil || found != cached {
			t.Errorf("the pattern of the cache matches %s: %t, %v", name, found, err)
		}
	}
	for kind, name := range kinds(NewKeys("p", "another")) {
		if found, _ := path.Match(k.Cached(), name); found {
			t.Errorf("%s of another database is found", kind)
		}
	}
}

func TestNamesDiffer(t *testing.T) {
	t.Parallel()
	seen := map[string]string{}
	for _, k := range []*Keys{NewKeys("p", "d"), NewKeys("p", "e"), NewKeys("q", "d")} {
		for kind, name := range kinds(k) {
			if other, ok := seen[name]; ok {
				t.Errorf("%s and %s have the same name %s", kind, other, name)
			}
			seen[name] = kind
		}
	}
}

func TestPartitionIsTheInverseOfChannel(t *testing.T) {
	t.Parallel()
	k := NewKeys("p", "d")
	for p := range Partitions {
		if got, ok := k.Partition(k.Channel(p)); !ok || got != p {
			t.Errorf("%s is read as partition %d, %t", k.Channel(p), got, ok)
		}
	}
	for _, foreign := range []string{
		"", k.Probe(3, "x"), k.Chat("x"), NewKeys("p", "e").Channel(3), strings.TrimSuffix(k.Channel(3), "}"), k.Channel(3) + "x", "p:d:events:{nope}",
	} {
		if p, ok := k.Partition(foreign); ok {
			t.Errorf("%q is read as partition %d", foreign, p)
		}
	}
}

// slotOf is the slot of a name in a cluster: CRC-16/XMODEM of the hash tag. It is written a second time on purpose, bit by bit
// over the polynomial, so that a mistake in tags_test.go shows.
func slotOf(name string) int {
	if _, after, ok := strings.Cut(name, "{"); ok {
		if tag, _, ok := strings.Cut(after, "}"); ok && tag != "" {
			name = tag
		}
	}
	crc := 0
	for i := range len(name) * 8 {
		bit := int(name[i/8]>>(7-i%8)) & 1
		high := crc >> 15 & 1
		crc = crc << 1 & 0xffff
		if bit^high == 1 {
			crc ^= 0x1021
		}
	}
	return crc % 16384
}

func TestSlotOf(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]int{"123456789": 0x31C3, "foo": 12182, "a{foo}b": 12182, "k1": 12706} { // of the cluster specification
		if got := slotOf(name); got != want {
			t.Errorf("%s is in slot %d, want %d", name, got, want)
		}
	}
}

func TestChannelsAreInTheirSlots(t *testing.T) {
	t.Parallel()
	k := NewKeys("p", "d")
	for p := range Partitions {
		if want := (2*p + 1) * 16384 / (2 * Partitions); slotOf(k.Channel(p)) != want || slotOf(k.Probe(p, "instance")) != want {
			t.Errorf("partition %d: channel in slot %d, probe in %d, want %d: run go generate", p, slotOf(k.Channel(p)), slotOf(k.Probe(p, "instance")), want)
		}
	}
}

// masterOf returns which of n masters has the slot, as `redis-cli --cluster create` hands slots out.
func masterOf(slot, n int) int {
	share, cursor := 16384/float64(n), 0.0
	for master := range n {
		last := int(math.Round(cursor + share - 1))
		if slot <= last || master == n-1 {
			return master
		}
		cursor += share
	}
	return -1
}

// The busiest master carries at most 1.1 times the mean. For other numbers of masters that is not always a whole number of
// partitions: there it is the next one above the mean.
func TestPartitionsSpreadEvenlyOverMasters(t *testing.T) {
	t.Parallel()
	k := NewKeys("p", "d")
	for _, masters := range []int{1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 16, 24, 32, 48, 64} {
		load := make([]int, masters)
		for p := range Partitions {
			load[masterOf(slotOf(k.Channel(p)), masters)]++
		}
		mean := float64(Partitions) / float64(masters)
		most := 1.1 * mean
		if !slices.Contains([]int{1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 16, 24, 32, 48}, masters) {
			most = math.Ceil(mean)
		}
		for master, n := range load {
			if float64(n) > most {
				t.Errorf("of %d masters, master %d carries %d partitions; the mean is %.2f", masters, master, n, mean)
			}
		}
	}
}

func TestNamespaceTellsWhenTheDatabaseChanges(t *testing.T) {
	t.Parallel()
	names := NewNamespace("p")
	if !names.Use("a") {
		t.Error("the first id is not a change")
	}
	old := names.Keys()
	if names.Use("a") || names.Keys() != old {
		t.Error("the same id again is a change")
	}
	select {
	case <-old.Replaced():
		t.Error("names are replaced although the id is the same")
	default:
	}
	if !names.Use("b") || names.Keys().Chat("x") != "p:b:cache"+CacheVersion+":chat:x" || old.Chat("x") != "p:a:cache"+CacheVersion+":chat:x" {
		t.Errorf("now %s, before %s", names.Keys().Chat("x"), old.Chat("x"))
	}
	select {
	case <-old.Replaced():
	default:
		t.Error("the old names do not say that they are replaced")
	}
}

func TestCheckPrefix(t *testing.T) {
	t.Parallel()
	for prefix, good := range map[string]bool{
		"studychat": true, "a": true, "Team-1_x.y:z": true, strings.Repeat("a", 64): true,
		"": false, strings.Repeat("a", 65): false, "a*": false, "a?": false, "[a]": false, "{a}": false, "a b": false, "ä": false, `a\`: false,
	} {
		if err := CheckPrefix(prefix); (err == nil) != good {
			t.Errorf("%q: %v", prefix, err)
		}
	}
}
