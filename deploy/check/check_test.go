// Package check holds what is deployed against the real readers of it: Helm's linter and
// renderer, Kubernetes' types, and Compose's loader. It is a module of its own, so that
// none of these is a dependency of flatwatt. Run it with make deploy.
package check

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/cli"
	"helm.sh/helm/v4/pkg/chart/common"
	"helm.sh/helm/v4/pkg/chart/common/util"
	chart "helm.sh/helm/v4/pkg/chart/v2"
	"helm.sh/helm/v4/pkg/chart/v2/lint"
	"helm.sh/helm/v4/pkg/chart/v2/lint/support"
	"helm.sh/helm/v4/pkg/chart/v2/loader"
	"helm.sh/helm/v4/pkg/engine"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	"sigs.k8s.io/yaml"
)

const chartDir = "../helm/flatwatt"

func TestHelmLintFindsNothing(t *testing.T) {
	linter := lint.RunAll(chartDir, map[string]any{}, "default")
	for _, m := range linter.Messages {
		if m.Severity > support.InfoSev {
			t.Errorf("%s", m)
		}
	}
}

// render is the chart with values over its own, by template.
func render(t *testing.T, values map[string]any) map[string]string {
	t.Helper()
	loaded, err := loader.Load(chartDir)
	if err != nil {
		t.Fatal(err)
	}
	var c *chart.Chart = loaded
	top, err := util.ToRenderValues(c, values, common.ReleaseOptions{Name: "grid", Namespace: "ami", Revision: 1, IsInstall: true}, common.DefaultCapabilities)
	if err != nil {
		t.Fatal(err)
	}
	out, err := engine.Render(c, top)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// everything turns on what the chart has.
var everything = map[string]any{
	"ingress": map[string]any{"enabled": true}, "podMonitor": map[string]any{"enabled": true}, "prometheusRule": map[string]any{"enabled": true},
	"secrets": map[string]any{"natsCredentials": "nats-creds"}, "tolerations": []any{map[string]any{"key": "ami", "operator": "Exists"}},
}

// TestChartGivesValidObjects decodes each object strictly into Kubernetes' own type: a field
// in the wrong place fails.
func TestChartGivesValidObjects(t *testing.T) {
	for _, values := range []map[string]any{{}, everything, {"secrets": map[string]any{"page": ""}}} {
		kinds := map[string]int{}
		for name, text := range render(t, values) {
			if !strings.HasSuffix(name, ".yaml") {
				continue
			}
			for _, doc := range strings.Split(text, "\n---\n") {
				if strings.TrimSpace(doc) != "" {
					kinds[decode(t, name, doc)]++
				}
			}
		}
		if kinds["Deployment"] != 1 || kinds["ConfigMap"] != 1 || kinds["Service"] != 1 || kinds["NetworkPolicy"] != 1 || kinds["PodDisruptionBudget"] != 1 {
			t.Errorf("objects: %v", kinds)
		}
		if len(values) > 1 && (kinds["Ingress"] != 1 || kinds["PodMonitor"] != 1 || kinds["PrometheusRule"] != 1) {
			t.Errorf("objects with everything on: %v", kinds)
		}
	}
}

func decode(t *testing.T, name, doc string) (kind string) {
	t.Helper()
	var head struct {
		Kind string
		Spec map[string]any
	}
	if err := yaml.Unmarshal([]byte(doc), &head); err != nil {
		t.Fatalf("%s: %v\n%s", name, err, doc)
	}
	var into any
	switch head.Kind {
	case "Deployment":
		into = &appsv1.Deployment{}
	case "ConfigMap":
		into = &corev1.ConfigMap{}
	case "Service":
		into = &corev1.Service{}
	case "NetworkPolicy":
		into = &networkingv1.NetworkPolicy{}
	case "PodDisruptionBudget":
		into = &policyv1.PodDisruptionBudget{}
	case "Ingress":
		into = &networkingv1.Ingress{}
	case "PodMonitor", "PrometheusRule": // types of the operator
		if len(head.Spec) == 0 {
			t.Errorf("%s: %s is empty", name, head.Kind)
		}
		return head.Kind
	default:
		t.Fatalf("%s: unknown kind %q", name, head.Kind)
	}
	if err := yaml.UnmarshalStrict([]byte(doc), into); err != nil {
		t.Errorf("%s: %v\n%s", name, err, doc)
	}
	if d, ok := into.(*appsv1.Deployment); ok {
		checkPod(t, d)
	}
	return head.Kind
}

// checkPod: nothing runs as root or may write, and each mount has its volume.
func checkPod(t *testing.T, d *appsv1.Deployment) {
	t.Helper()
	pod := d.Spec.Template.Spec
	for _, c := range append(slices.Clone(pod.Containers), pod.InitContainers...) {
		s := c.SecurityContext
		if s == nil || s.ReadOnlyRootFilesystem == nil || !*s.ReadOnlyRootFilesystem || s.AllowPrivilegeEscalation == nil || *s.AllowPrivilegeEscalation {
			t.Errorf("container %s may do too much", c.Name)
		}
		for _, m := range c.VolumeMounts {
			if !slices.ContainsFunc(pod.Volumes, func(v corev1.Volume) bool { return v.Name == m.Name }) {
				t.Errorf("container %s mounts %s, which is no volume", c.Name, m.Name)
			}
		}
		if c.Resources.Limits.Memory().IsZero() {
			t.Errorf("container %s has no bound on memory", c.Name)
		}
	}
	for k, v := range d.Spec.Selector.MatchLabels {
		if d.Spec.Template.Labels[k] != v {
			t.Errorf("the pods lack the label %s that the deployment selects", k)
		}
	}
}

// TestChartConfigurationIsRight has flatwatt itself check what the chart configures.
func TestChartConfigurationIsRight(t *testing.T) {
	for _, values := range []map[string]any{{}, everything} {
		var m corev1.ConfigMap
		if err := yaml.Unmarshal([]byte(render(t, values)["flatwatt/templates/configmap.yaml"]), &m); err != nil {
			t.Fatal(err)
		}
		dir := t.TempDir()
		text := m.Data["flatwatt.yaml"]
		for mounted, file := range map[string]string{"/run/flatwatt/influx/token": "influx", "/run/flatwatt/page/token": "page", "/run/flatwatt/nats/user.creds": "creds"} {
			write(t, filepath.Join(dir, file), "a-token-for-this-test-only\n")
			text = strings.ReplaceAll(text, mounted, filepath.Join(dir, file))
		}
		write(t, filepath.Join(dir, "meters.csv"), "meter_id,parent,kind,class,tariff,timezone,interval_minutes,contracted_kw,region,note\nm,,customer,,,UTC,15,,,\n")
		text = strings.ReplaceAll(text, "fleet: /fleet", "fleet: "+dir)
		write(t, filepath.Join(dir, "flatwatt.yaml"), text)
		checkConfig(t, filepath.Join(dir, "flatwatt.yaml"))
	}
}

func checkConfig(t *testing.T, path string) {
	t.Helper()
	cmd := exec.Command("go", "run", "./cmd/flatwatt", "config", "check", path)
	cmd.Dir = filepath.Join("..", "..")
	if out, err := cmd.CombinedOutput(); err != nil {
		text, _ := os.ReadFile(path)
		t.Errorf("%v\n%s\n%s", err, out, text)
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestChartShipsTheRules: the chart can reach no file outside of it, so it has a copy.
func TestChartShipsTheRules(t *testing.T) {
	a, err := os.ReadFile("../prometheus/rules.yml")
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(filepath.Join(chartDir, "rules.yml"))
	if err != nil || !bytes.Equal(a, b) {
		t.Errorf("copy deploy/prometheus/rules.yml to deploy/helm/flatwatt: %v", err)
	}
}

// TestComposeFileLoads: with Compose's own loader; files that services mount exist.
func TestComposeFileLoads(t *testing.T) {
	o, err := cli.NewProjectOptions([]string{"../compose/compose.yaml"}, cli.WithEnv([]string{"FLATWATT_VERSION=1.0.0"}), cli.WithWorkingDirectory("../compose"), cli.WithResolvedPaths(true))
	if err != nil {
		t.Fatal(err)
	}
	project, err := o.LoadProject(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"flatwatt", "grafana", "influxdb", "nats-0", "nats-1", "nats-2", "prometheus", "setup"}
	names := project.ServiceNames()
	slices.Sort(names)
	if !slices.Equal(names, want) {
		t.Errorf("services %v", names)
	}
	for _, s := range project.Services {
		for _, v := range s.Volumes {
			if v.Type != "bind" || filepath.Base(v.Source) == "fleet" {
				continue // the site's own
			}
			if _, err := os.Stat(v.Source); err != nil {
				t.Errorf("%s mounts what is not there: %v", s.Name, err)
			}
		}
		for _, p := range s.Ports {
			if p.HostIP != "127.0.0.1" {
				t.Errorf("%s publishes %s on every address", s.Name, p.Published)
			}
		}
	}
	if !project.Networks["grid"].Internal {
		t.Error("the grid reaches the internet")
	}
}

// TestKubernetesExamplesAreValid: the examples beside the chart.
func TestKubernetesExamplesAreValid(t *testing.T) {
	paths, _ := filepath.Glob("../kubernetes/*.yaml")
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var head struct {
			APIVersion string `json:"apiVersion"`
			Kind       string `json:"kind"`
		}
		if err := yaml.Unmarshal(text, &head); err != nil || head.Kind == "" {
			t.Errorf("%s: %v", path, err)
		}
	}
}
