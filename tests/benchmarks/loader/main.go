// The loader fills a cluster, and does a sync's raw work as fast as client-go can: protobuf, no
// rate limit, 32 requests at once. It prints one JSON object: seconds, items and what failed.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

const (
	pageSize = 500
	peer     = "benchmarks.podconfig.example.com/peer"
)

var ctx = context.Background()

func main() {
	kubeconfig := flag.String("kubeconfig", "", "")
	pods := flag.Int("pods", 10000, "how many Pods to make")
	namespaces := flag.Int("namespaces", 50, "over how many namespaces bench-NN")
	workers := flag.Int("workers", 32, "how many requests at once")
	flag.Parse()
	config, err := clientcmd.BuildConfigFromFlags("", *kubeconfig)
	check(err)
	config.QPS = -1
	config.WarningHandler = rest.NoWarnings{}
	config.ContentType = "application/vnd.kubernetes.protobuf"
	client, err := kubernetes.NewForConfig(config)
	check(err)
	switch flag.Arg(0) {
	case "populate":
		populate(client, *pods, *namespaces, *workers)
	case "list":
		timed(func() (int, int64) { return len(listPods(client)), 0 })
	case "create":
		all := listPods(client)
		timed(func() (int, int64) { return each(*workers, all, creator(client)) })
	case "delete":
		all := listPeers(client)
		timed(func() (int, int64) { return each(*workers, all, deleter(client)) })
	default:
		check(fmt.Errorf("populate, list, create or delete, not %q", flag.Arg(0)))
	}
}

func listPods(client *kubernetes.Clientset) []v1.Pod {
	var all []v1.Pod
	options := metav1.ListOptions{Limit: pageSize}
	for {
		page, err := client.CoreV1().Pods("").List(ctx, options)
		check(err)
		all = append(all, page.Items...)
		if options.Continue = page.Continue; options.Continue == "" {
			return all
		}
	}
}

func listPeers(client *kubernetes.Clientset) []v1.ConfigMap {
	var all []v1.ConfigMap
	options := metav1.ListOptions{Limit: pageSize, LabelSelector: peer}
	for {
		page, err := client.CoreV1().ConfigMaps("").List(ctx, options)
		check(err)
		all = append(all, page.Items...)
		if options.Continue = page.Continue; options.Continue == "" {
			return all
		}
	}
}

// A ConfigMap of the size and form that podcm-sync makes, under another name and label.
func creator(client *kubernetes.Clientset) func(*v1.Pod) error {
	isController := true
	return func(pod *v1.Pod) error {
		owner := metav1.OwnerReference{
			APIVersion: "v1", Kind: "Pod", Name: pod.Name, UID: pod.UID, Controller: &isController,
		}
		_, err := client.CoreV1().ConfigMaps(pod.Namespace).Create(ctx, &v1.ConfigMap{
			ObjectMeta: metav1.ObjectMeta{
				Name:            "peer-" + pod.Name + "-from-all-cfg",
				Labels:          map[string]string{peer: "yes", "pod-uid": string(pod.UID), "by": "peer"},
				OwnerReferences: []metav1.OwnerReference{owner},
			},
			Data: map[string]string{
				"podName": pod.Name, "namespace": pod.Namespace, "nodeName": pod.Spec.NodeName,
				"phase": string(pod.Status.Phase), "label_app": pod.Labels["app"],
				"annotation_example.com_build": pod.Annotations["example.com/build"],
			},
		}, metav1.CreateOptions{})
		return err
	}
}

func deleter(client *kubernetes.Clientset) func(*v1.ConfigMap) error {
	return func(found *v1.ConfigMap) error {
		return client.CoreV1().ConfigMaps(found.Namespace).Delete(ctx, found.Name, metav1.DeleteOptions{
			Preconditions: &metav1.Preconditions{UID: &found.UID, ResourceVersion: &found.ResourceVersion},
		})
	}
}

// Pods of 8 to 13 KB: three containers with variables and probes, annotations, two field managers.
func populate(client *kubernetes.Clientset, pods, namespaces, workers int) {
	numbers := make([]int, pods)
	for number := range numbers {
		numbers[number] = number
	}
	timed(func() (int, int64) {
		return each(workers, numbers, func(number *int) error {
			pod := bigPod(*number, *number%namespaces)
			made, err := client.CoreV1().Pods(pod.Namespace).Create(ctx, pod, metav1.CreateOptions{})
			if err != nil {
				return err
			}
			made.Status = runningStatus(made)
			_, err = client.CoreV1().Pods(pod.Namespace).UpdateStatus(ctx, made, metav1.UpdateOptions{FieldManager: "kubelet"})
			return err
		})
	})
}

func each[T any](workers int, all []T, do func(*T) error) (int, int64) {
	var next, failed atomic.Int64
	var group sync.WaitGroup
	for range workers {
		group.Add(1)
		go func() {
			defer group.Done()
			for {
				index := int(next.Add(1)) - 1
				if index >= len(all) {
					return
				}
				if err := do(&all[index]); err != nil {
					if failed.Add(1) == 1 {
						fmt.Fprintln(os.Stderr, strings.TrimSpace(err.Error()))
					}
				}
			}
		}()
	}
	group.Wait()
	return len(all), failed.Load()
}

func timed(work func() (int, int64)) {
	started := time.Now()
	items, failed := work()
	seconds := time.Since(started).Seconds()
	check(json.NewEncoder(os.Stdout).Encode(map[string]any{
		"seconds": seconds, "items": items, "failed": failed,
	}))
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
