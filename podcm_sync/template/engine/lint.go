package engine

import (
	"fmt"
	"slices"
	"text/template/parse"
)

// fields are what the root has, and of which kind each is.
var fields = map[string]string{
	"name": "text", "namespace": "text", "uid": "text", "nodeName": "text", "phase": "text",
	"podIP": "text", "hostIP": "text", "serviceAccountName": "text",
	"labels": "dict", "annotations": "dict", "containers": "list", "ownerReferences": "list",
	"pcmc": "config",
}

// fallbacks are the functions that deal with a value that is missing.
var fallbacks = names("and", "or", "not", "default", "coalesce", "empty", "ternary")

// mutators can give the root any field, so that nothing is known of a template that calls one.
var mutators = names("set", "unset", "merge", "mergeOverwrite", "mustMerge", "mustMergeOverwrite")

// Lint returns what is wrong on each Pod that reaches it, whatever the Pod holds: chains of fields
// that no root has and templates that are not defined, in Go's own words, and fields that no root
// has and that nothing tests. The last render as nothing, which nobody can have meant.
func (t *Template) Lint() []*Failure {
	l := linter{template: t, tree: t.root.Tree, rootIsKnown: true}
	for _, part := range t.root.Templates() {
		if part.Tree != nil {
			l.rootIsKnown = l.rootIsKnown && !mutates(part.Tree.Root)
		}
	}
	for _, part := range t.root.Templates() {
		if part.Tree != nil {
			l.tree = part.Tree
			// What calls a {{define}} chooses its dot and its $.
			isRoot := part == t.root
			l.dollarIsRoot = isRoot
			l.node(part.Tree.Root, isRoot, nil)
		}
	}
	slices.SortStableFunc(l.failures, func(a, b *Failure) int {
		if a.Line != b.Line {
			return a.Line - b.Line
		}
		return a.Column - b.Column
	})
	return l.failures
}

type linter struct {
	template     *Template
	tree         *parse.Tree
	rootIsKnown  bool
	dollarIsRoot bool
	mayBeMissing bool // what is looked at is a condition, or has a fallback
	failures     []*Failure
}

// node looks at a node whose dot is, or is not, the root. `guards` are the unknown fields that were
// tested before: what follows such a test is never reached.
func (l *linter) node(node parse.Node, dotIsRoot bool, guards []string) {
	switch n := node.(type) {
	case *parse.ListNode:
		if n != nil {
			for _, child := range n.Nodes {
				l.node(child, dotIsRoot, guards)
			}
		}
	case *parse.ActionNode:
		l.pipe(n.Pipe, dotIsRoot, guards)
	case *parse.IfNode:
		l.branches(&n.BranchNode, dotIsRoot, dotIsRoot, guards)
	case *parse.WithNode:
		l.branches(&n.BranchNode, dotIsRoot, false, guards)
	case *parse.RangeNode:
		l.branches(&n.BranchNode, dotIsRoot, false, guards)
	case *parse.TemplateNode:
		l.pipe(n.Pipe, dotIsRoot, guards)
		if l.template.root.Lookup(n.Name) == nil {
			l.report(n, fmt.Sprintf("template %q not defined", n.Name), undefinedHint)
		}
	}
}

// branches looks at a condition and what depends on it; in its list, the dot can be another one.
func (l *linter) branches(n *parse.BranchNode, dotIsRoot, dotOfListIsRoot bool, guards []string) {
	l.mayBeMissing = true
	l.pipe(n.Pipe, dotIsRoot, guards)
	l.mayBeMissing = false
	guards = append(slices.Clip(guards), tested(n.Pipe)...)
	l.node(n.List, dotOfListIsRoot, guards)
	l.node(n.ElseList, dotIsRoot, guards)
}

const undefinedHint = "each data key has its own templates: {{ define }} it in the same key"

func (l *linter) pipe(pipe *parse.PipeNode, dotIsRoot bool, guards []string) {
	if pipe == nil {
		return
	}
	defer func(before bool) { l.mayBeMissing = before }(l.mayBeMissing)
	for _, command := range pipe.Cmds {
		function, isFunction := command.Args[0].(*parse.IdentifierNode)
		l.mayBeMissing = l.mayBeMissing || (isFunction && fallbacks[function.Ident] != nil)
	}
	for _, command := range pipe.Cmds {
		l.command(command, dotIsRoot, guards)
	}
}

func (l *linter) command(command *parse.CommandNode, dotIsRoot bool, guards []string) {
	function, isFunction := command.Args[0].(*parse.IdentifierNode)
	if isFunction && function.Ident == "include" && len(command.Args) > 1 {
		name, isText := command.Args[1].(*parse.StringNode)
		if isText && l.template.root.Lookup(name.Text) == nil {
			message := "error calling include: template: no template %q associated with template %q"
			l.report(command, fmt.Sprintf(message, name.Text, l.template.key), undefinedHint)
		}
	}
	for _, argument := range command.Args {
		switch n := argument.(type) {
		case *parse.FieldNode:
			if dotIsRoot {
				l.chain(n, n.Ident, guards)
			}
		case *parse.VariableNode:
			if l.dollarIsRoot && n.Ident[0] == "$" {
				l.chain(n, n.Ident[1:], guards)
			}
		case *parse.PipeNode:
			l.pipe(n, dotIsRoot, guards)
		case *parse.ChainNode:
			if inner, isPipe := n.Node.(*parse.PipeNode); isPipe {
				l.pipe(inner, dotIsRoot, guards)
			}
		}
		if isFunction && function.Ident == "and" {
			guards = append(slices.Clip(guards), unknownFields(argument)...)
		}
	}
}

// chain looks at a field of the root, or at fields of it. One that is missing gives nothing; a field
// of that is an error.
func (l *linter) chain(node parse.Node, chain []string, guards []string) {
	if !l.rootIsKnown || len(chain) == 0 || slices.Contains(guards, chain[0]) {
		return
	}
	isUnknown := fields[chain[0]] == "" || (len(chain) == 2 && fields[chain[0]] == "config" && chain[1] != "name")
	if len(chain) == 1 || (isUnknown && fields[chain[0]] != "") {
		if isUnknown && !l.mayBeMissing {
			l.report(node, "no Pod has this field, so it gives nothing", fieldHint(chain))
		}
		return
	}
	missing := func(index int) {
		message := fmt.Sprintf("nil pointer evaluating interface {}.%s", chain[index])
		l.report(node, message, fieldHint(chain))
	}
	unfit := func(index int) {
		message := fmt.Sprintf("can't evaluate field %s in type interface {}", chain[index])
		l.report(node, message, fieldHint(chain))
	}
	switch fields[chain[0]] {
	case "":
		missing(1)
	case "text", "list":
		unfit(1)
	case "dict":
		if len(chain) > 2 {
			missing(2)
		}
	case "config":
		if len(chain) > 2 && chain[1] == "name" {
			unfit(2)
		} else if len(chain) > 2 {
			missing(2)
		}
	}
}

func (l *linter) report(node parse.Node, message, hint string) {
	location, context := l.tree.ErrorContext(node)
	name := l.tree.Name
	text := fmt.Sprintf("template: %s: executing %q at <%s>: %s", location, name, context, message)
	failure := failureOf(l.template.key, fmt.Errorf("%s", text))
	failure.Hint = hint
	l.failures = append(l.failures, failure)
}

// tested are the fields of the root, unknown ones, that a condition tests by themselves.
func tested(pipe *parse.PipeNode) []string {
	all := []string{}
	for _, command := range pipe.Cmds {
		for _, argument := range command.Args {
			if inner, isPipe := argument.(*parse.PipeNode); isPipe {
				all = append(all, tested(inner)...)
			}
			all = append(all, unknownFields(argument)...)
		}
	}
	return all
}

func unknownFields(node parse.Node) []string {
	switch n := node.(type) {
	case *parse.FieldNode:
		if len(n.Ident) == 1 && fields[n.Ident[0]] == "" {
			return n.Ident
		}
	case *parse.VariableNode:
		if n.Ident[0] == "$" && len(n.Ident) == 2 && fields[n.Ident[1]] == "" {
			return n.Ident[1:]
		}
	}
	return nil
}

// mutates says whether a function that changes dicts is called, or $ is assigned.
func mutates(node parse.Node) bool {
	switch n := node.(type) {
	case *parse.ListNode:
		return n != nil && slices.ContainsFunc(n.Nodes, mutates)
	case *parse.ActionNode:
		return mutates(n.Pipe)
	case *parse.IfNode:
		return mutates(n.Pipe) || mutates(n.List) || mutates(n.ElseList)
	case *parse.WithNode:
		return mutates(n.Pipe) || mutates(n.List) || mutates(n.ElseList)
	case *parse.RangeNode:
		return mutates(n.Pipe) || mutates(n.List) || mutates(n.ElseList)
	case *parse.TemplateNode:
		return mutates(n.Pipe)
	case *parse.PipeNode:
		if n == nil {
			return false
		}
		assigned := func(v *parse.VariableNode) bool { return v.Ident[0] == "$" }
		called := func(c *parse.CommandNode) bool { return slices.ContainsFunc(c.Args, mutates) }
		return slices.ContainsFunc(n.Decl, assigned) || slices.ContainsFunc(n.Cmds, called)
	case *parse.ChainNode:
		return mutates(n.Node)
	case *parse.IdentifierNode:
		return mutators[n.Ident] != nil
	}
	return false
}
