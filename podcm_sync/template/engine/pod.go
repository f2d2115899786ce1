package engine

// Pod is what templates see of a Pod, as the host sends it.
type Pod struct {
	Name               string            `json:"name"`
	Namespace          string            `json:"namespace"`
	UID                string            `json:"uid"`
	Labels             map[string]string `json:"labels"`
	Annotations        map[string]string `json:"annotations"`
	NodeName           string            `json:"nodeName"`
	Phase              string            `json:"phase"`
	PodIP              string            `json:"podIP"`
	HostIP             string            `json:"hostIP"`
	ServiceAccountName string            `json:"serviceAccountName"`
	Containers         []container       `json:"containers"`
	OwnerReferences    []owner           `json:"ownerReferences"`
}

type container struct {
	Name  string `json:"name"`
	Image string `json:"image"`
}

type owner struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Name       string `json:"name"`
	UID        string `json:"uid"`
}

// root is the template's dot, made anew at each call. As in Helm all of it is map[string]any,
// []any and string, since these are what the functions for dicts and lists take.
func (p *Pod) root(configName string) map[string]any {
	containers := make([]any, len(p.Containers))
	for i, each := range p.Containers {
		containers[i] = map[string]any{"name": each.Name, "image": each.Image}
	}
	owners := make([]any, len(p.OwnerReferences))
	for i, each := range p.OwnerReferences {
		owners[i] = map[string]any{
			"apiVersion": each.APIVersion, "kind": each.Kind, "name": each.Name, "uid": each.UID,
		}
	}
	return map[string]any{
		"name":               p.Name,
		"namespace":          p.Namespace,
		"uid":                p.UID,
		"labels":             dict(p.Labels),
		"annotations":        dict(p.Annotations),
		"nodeName":           p.NodeName,
		"phase":              p.Phase,
		"podIP":              p.PodIP,
		"hostIP":             p.HostIP,
		"serviceAccountName": p.ServiceAccountName,
		"containers":         containers,
		"ownerReferences":    owners,
		"pcmc":               map[string]any{"name": configName},
	}
}

func dict(strings map[string]string) map[string]any {
	made := make(map[string]any, len(strings))
	for key, value := range strings {
		made[key] = value
	}
	return made
}
