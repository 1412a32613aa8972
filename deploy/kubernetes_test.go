package deploy

import (
	"errors"
	"io"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"

	"studychat/config"
)

// object is what the tests look at of all kinds of objects.
type object struct {
	Kind       string
	Metadata   struct{ Name, Namespace string }
	Data       map[string]string
	StringData map[string]string `yaml:"stringData"`
	Spec       struct {
		Selector    any
		PodSelector struct {
			MatchLabels map[string]string `yaml:"matchLabels"`
		} `yaml:"podSelector"`
		Template struct {
			Metadata struct{ Labels map[string]string }
			Spec     pod
		}
		Ports []struct { // of a service
			TargetPort string `yaml:"targetPort"`
		}
		Ingress []struct {
			From  []any
			Ports []struct{ Port string }
		}
	}
}

type pod struct {
	GracePeriod int `yaml:"terminationGracePeriodSeconds"`
	Containers  []container
	Volumes     []struct {
		Secret struct {
			SecretName string `yaml:"secretName"`
		}
	}
}

type container struct {
	Args    []string
	EnvFrom []struct {
		ConfigMapRef struct{ Name string } `yaml:"configMapRef"`
	} `yaml:"envFrom"`
	Env            []struct{ Name, Value string }
	Ports          []containerPort
	StartupProbe   probe `yaml:"startupProbe"`
	LivenessProbe  probe `yaml:"livenessProbe"`
	ReadinessProbe probe `yaml:"readinessProbe"`
	VolumeMounts   []struct {
		MountPath string `yaml:"mountPath"`
	} `yaml:"volumeMounts"`
}

type containerPort struct {
	Name          string
	ContainerPort string `yaml:"containerPort"`
}

type probe struct {
	HTTPGet          struct{ Path, Port string } `yaml:"httpGet"`
	PeriodSeconds    int                         `yaml:"periodSeconds"`
	FailureThreshold int                         `yaml:"failureThreshold"`
}

// manifest is all objects of the file, by kind and name.
func manifest(t *testing.T) map[string]object {
	t.Helper()
	file, err := os.Open("kubernetes.yaml")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	all := map[string]object{}
	for decoder := yaml.NewDecoder(file); ; {
		var one object
		err := decoder.Decode(&one)
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		all[one.Kind+" "+one.Metadata.Name] = one
	}
}

// environment is what a container's program sees, with its secrets in files of the test.
func environment(t *testing.T, all map[string]object, p pod) (environ []string, settings map[string]string) {
	t.Helper()
	c, settings := p.Containers[0], map[string]string{}
	for _, from := range c.EnvFrom {
		maps.Copy(settings, all["ConfigMap "+from.ConfigMapRef.Name].Data)
	}
	secrets := all["Secret "+p.Volumes[0].Secret.SecretName].StringData
	for _, one := range c.Env {
		settings[one.Name] = one.Value
		if !strings.HasSuffix(one.Name, "_FILE") {
			continue
		}
		key, mounted := strings.CutPrefix(one.Value, c.VolumeMounts[0].MountPath+"/")
		if !mounted || secrets[key] == "" {
			t.Errorf("%s is %s, which no secret provides", one.Name, one.Value)
		}
		settings[one.Name] = filepath.Join(t.TempDir(), key)
		text := strings.NewReplacer("<password>", "x", "<host>", "db.example").Replace(secrets[key])
		if err := os.WriteFile(settings[one.Name], []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name, value := range settings {
		environ = append(environ, "STUDYCHAT_"+name+"="+value) // with the prefix, a name that is not a setting is a mistake
	}
	return environ, settings
}

// TestKubernetesSettings: the program accepts the settings of the server and of the job, each of which exists.
func TestKubernetesSettings(t *testing.T) {
	t.Parallel()
	all := manifest(t)
	if len(all) != 8 {
		t.Errorf("the file has %v", slices.Sorted(maps.Keys(all)))
	}
	for _, name := range []string{"Deployment studychat", "Job studychat-migrate"} {
		environ, _ := environment(t, all, all[name].Spec.Template.Spec)
		if _, err := config.Read(environ); err != nil || len(environ) < 2 {
			t.Errorf("%s: %v: %v", name, environ, err)
		}
		if _, err := config.Read(append(environ, "STUDYCHAT_JWT_ISSUERS=x")); err == nil {
			t.Error("control: a setting that does not exist passes")
		}
	}
	if args := all["Job studychat-migrate"].Spec.Template.Spec.Containers[0].Args; !slices.Equal(args, []string{"migrate", "up"}) {
		t.Errorf("the job runs %v", args)
	}
}

// TestKubernetesPorts: probes, the service and the policy lead to ports that the program listens on, and to paths that it serves.
func TestKubernetesPorts(t *testing.T) {
	t.Parallel()
	all, words := manifest(t), words(t)
	p := all["Deployment studychat"].Spec.Template.Spec
	c := p.Containers[0]
	_, settings := environment(t, all, p)
	_, admin, err := net.SplitHostPort(settings["ADMIN_ADDR"])
	if want := []containerPort{{"http", settings["PORT"]}, {"admin", admin}}; err != nil || !slices.Equal(c.Ports, want) {
		t.Errorf("the container's ports are %v, the program's %v", c.Ports, want)
	}
	for _, one := range []probe{c.StartupProbe, c.LivenessProbe, c.ReadinessProbe} {
		if one.HTTPGet.Port != "admin" || !words["GET "+one.HTTPGet.Path] && !words[one.HTTPGet.Path] {
			t.Errorf("a probe asks for %+v, which the server for operators does not serve", one.HTTPGet)
		}
	}
	if got := all["Service studychat"].Spec.Ports[0].TargetPort; got != "http" {
		t.Errorf("the service leads to %s", got)
	}
	for _, rule := range all["NetworkPolicy studychat"].Spec.Ingress {
		for _, one := range rule.Ports {
			if one.Port != "http" && (one.Port != "admin" || len(rule.From) == 0) {
				t.Errorf("the policy opens %s to %v", one.Port, rule.From)
			}
		}
	}
	labels := all["Deployment studychat"].Spec.Template.Metadata.Labels["app"]
	if labels != "studychat" || all["NetworkPolicy studychat"].Spec.PodSelector.MatchLabels["app"] != labels {
		t.Error("the policy is for other pods")
	}
}

// TestKubernetesTimes: a pod is given the time that the program takes to start, and to stop.
func TestKubernetesTimes(t *testing.T) {
	t.Parallel()
	all := manifest(t)
	p := all["Deployment studychat"].Spec.Template.Spec
	c := p.Containers[0]
	environ, _ := environment(t, all, p)
	settings, err := config.Read(environ)
	if err != nil {
		t.Fatal(err)
	}
	const stops = 15 * time.Second // after the delay, says the README
	if given := time.Duration(p.GracePeriod) * time.Second; given < settings.HTTP.ShutdownDelay+stops+5*time.Second {
		t.Errorf("%v to stop, of which %v are the delay", given, settings.HTTP.ShutdownDelay)
	}
	if unready := seconds(c.ReadinessProbe); settings.HTTP.ShutdownDelay < 2*unready {
		t.Errorf("a delay of %v, and an instance is taken out after %v", settings.HTTP.ShutdownDelay, unready)
	}
	if given := seconds(c.StartupProbe); given < settings.Database.ConnectTimeout+15*time.Second {
		t.Errorf("%v to start, and the database may take %v", given, settings.Database.ConnectTimeout)
	}
}

// seconds is how long a probe may fail.
func seconds(p probe) time.Duration {
	return time.Duration(p.PeriodSeconds*p.FailureThreshold) * time.Second
}
