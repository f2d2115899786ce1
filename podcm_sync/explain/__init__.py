"""Why a Pod, a ConfigMap or a config is as it is: the plan of a run, told about one object."""
