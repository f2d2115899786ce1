package main

import (
	"fmt"
	"strings"

	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

func bigPod(number, namespace int) *v1.Pod {
	app := fmt.Sprintf("app-%d", number%40)
	no, yes := false, true
	var containers []v1.Container
	for index, name := range []string{"main", "proxy", "logs"} {
		containers = append(containers, bigContainer(name, app, number, int32(8080+index)))
	}
	return &v1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: fmt.Sprintf("bench-%02d", namespace),
			Name:      fmt.Sprintf("%s-%05d", app, number),
			Labels: map[string]string{
				"app": app, "app.kubernetes.io/name": app, "app.kubernetes.io/part-of": "shop",
				"pod-template-hash": fmt.Sprintf("%08x", number%40*7919), "tier": fmt.Sprintf("tier-%d", number%3),
				"shard": fmt.Sprintf("shard-%d", number%1000),
			},
			Annotations: map[string]string{
				"example.com/build":        fmt.Sprintf("build-%d", number),
				"example.com/config-hash":  strings.Repeat("0123456789abcdef", 4),
				"example.com/sidecar-spec": strings.Repeat(`{"name":"proxy","mode":"strict"},`, 24+number%24),
			},
		},
		Spec: v1.PodSpec{
			NodeName:        fmt.Sprintf("node-%03d", number%200),
			Containers:      containers,
			SecurityContext: &v1.PodSecurityContext{RunAsNonRoot: &yes, SeccompProfile: &v1.SeccompProfile{Type: "RuntimeDefault"}},
			Volumes: []v1.Volume{
				{Name: "config", VolumeSource: v1.VolumeSource{ConfigMap: &v1.ConfigMapVolumeSource{LocalObjectReference: v1.LocalObjectReference{Name: app}}}},
				{Name: "cache", VolumeSource: v1.VolumeSource{EmptyDir: &v1.EmptyDirVolumeSource{}}},
			},
			AutomountServiceAccountToken: &no,
		},
	}
}

func bigContainer(name, app string, number int, port int32) v1.Container {
	no := false
	var variables []v1.EnvVar
	for index := range 10 {
		variables = append(variables, v1.EnvVar{
			Name:  fmt.Sprintf("%s_SETTING_%d", strings.ToUpper(name), index),
			Value: fmt.Sprintf("value-%d-of-%s-%d", index, app, number),
		})
	}
	probe := &v1.Probe{
		ProbeHandler:  v1.ProbeHandler{HTTPGet: &v1.HTTPGetAction{Path: "/healthz", Port: intstr.FromInt32(port)}},
		PeriodSeconds: 10,
	}
	return v1.Container{
		Name: name, Image: "images.example.com/" + app + "/" + name + ":v1.2.3", Env: variables,
		Ports: []v1.ContainerPort{{Name: name, ContainerPort: port}}, LivenessProbe: probe, ReadinessProbe: probe,
		Resources: v1.ResourceRequirements{
			Requests: v1.ResourceList{"cpu": resource.MustParse("100m"), "memory": resource.MustParse("128Mi")},
			Limits:   v1.ResourceList{"memory": resource.MustParse("256Mi")},
		},
		VolumeMounts: []v1.VolumeMount{{Name: "config", MountPath: "/etc/" + name}, {Name: "cache", MountPath: "/cache"}},
		SecurityContext: &v1.SecurityContext{
			AllowPrivilegeEscalation: &no, Capabilities: &v1.Capabilities{Drop: []v1.Capability{"ALL"}},
		},
	}
}

func runningStatus(pod *v1.Pod) v1.PodStatus {
	status := v1.PodStatus{Phase: v1.PodRunning, HostIP: "10.0.0.1", PodIP: "10.1.0.1", PodIPs: []v1.PodIP{{IP: "10.1.0.1"}}}
	for _, kind := range []v1.PodConditionType{v1.PodScheduled, v1.PodInitialized, v1.ContainersReady, v1.PodReady} {
		status.Conditions = append(status.Conditions, v1.PodCondition{Type: kind, Status: v1.ConditionTrue, LastTransitionTime: pod.CreationTimestamp})
	}
	for _, container := range pod.Spec.Containers {
		status.ContainerStatuses = append(status.ContainerStatuses, v1.ContainerStatus{
			Name: container.Name, Image: container.Image, Ready: true,
			ImageID:     "sha256:" + strings.Repeat("0123456789abcdef", 4),
			ContainerID: "containerd://" + strings.Repeat("fedcba9876543210", 4),
			State:       v1.ContainerState{Running: &v1.ContainerStateRunning{StartedAt: pod.CreationTimestamp}},
		})
	}
	return status
}
