package graphql

// someDay is a time that is in the future of every test, in Unix seconds.
const someDay = 4000000000

var schedulePermissions = []permission{
	{field: "stackScheduledRunCreate", doc: "provider_schedules/CreateRun", make: func(o *object) vars {
		return vars{"stack": o.stack(), "input": aScheduledRun()}
	}},
	{field: "stackScheduledRunUpdate", doc: "provider_schedules/UpdateRun", make: func(o *object) vars {
		stack, id := o.scheduledRun()
		return vars{"stack": stack, "scheduledRun": id, "input": aScheduledRun()}
	}},
	{field: "stackScheduledRunDelete", doc: "provider_schedules/DeleteRun", make: func(o *object) vars {
		stack, id := o.scheduledRun()
		return vars{"stack": stack, "scheduledRun": id}
	}},
	{field: "stackScheduledTaskCreate", doc: "provider_schedules/CreateTask", make: func(o *object) vars {
		return vars{"stack": o.stack(), "input": aScheduledTask()}
	}},
	{field: "stackScheduledTaskUpdate", doc: "provider_schedules/UpdateTask", make: func(o *object) vars {
		stack, id := o.scheduledTask()
		return vars{"stack": stack, "scheduledTask": id, "input": aScheduledTask()}
	}},
	{field: "stackScheduledTaskDelete", doc: "provider_schedules/DeleteTask", make: func(o *object) vars {
		stack, id := o.scheduledTask()
		return vars{"stack": stack, "scheduledTask": id}
	}},
	{field: "stackScheduledDeleteCreate", doc: "provider_schedules/CreateDelete", make: func(o *object) vars {
		return vars{"stack": o.stack(), "input": aScheduledDelete()}
	}},
	{field: "stackScheduledDeleteUpdate", doc: "provider_schedules/UpdateDelete", make: func(o *object) vars {
		stack, id := o.scheduledDelete()
		return vars{"stack": stack, "scheduledDelete": id, "input": aScheduledDelete()}
	}},
	{field: "stackScheduledDeleteDelete", doc: "provider_schedules/DeleteDelete", make: func(o *object) vars {
		stack, id := o.scheduledDelete()
		return vars{"stack": stack, "scheduledDelete": id}
	}},
	{field: "stack.scheduledRun", doc: `query($stack:ID!,$id:ID!){stack(id:$stack){scheduledRun(id:$id){*}}}`, make: oneSchedule((*object).scheduledRun)},
	{
		field: "stackScheduledRunCreate", doc: "provider_schedules/CreateRun", when: []string{"with settings for these runs"},
		make: func(o *object) vars {
			return vars{"stack": o.stack(), "input": with(aScheduledRun(), "runtimeConfig", vars{"yaml": "before_plan: [id]"})}
		},
	},
	{
		field: "stackScheduledRunUpdate", doc: "provider_schedules/UpdateRun", when: []string{"with settings for these runs"},
		make: func(o *object) vars {
			stack, id := o.scheduledRun()
			return vars{"stack": stack, "scheduledRun": id, "input": with(aScheduledRun(), "runtimeConfig", vars{"yaml": "before_plan: [id]"})}
		},
	},
	{field: "stack.scheduledRuns", doc: `query($stack:ID!){stack(id:$stack){scheduledRuns{*}}}`, make: allSchedules((*object).scheduledRun)},
	{field: "stack.scheduledTask", doc: `query($stack:ID!,$id:ID!){stack(id:$stack){scheduledTask(id:$id){*}}}`, make: oneSchedule((*object).scheduledTask)},
	{field: "stack.scheduledTasks", doc: `query($stack:ID!){stack(id:$stack){scheduledTasks{*}}}`, make: allSchedules((*object).scheduledTask)},
	{field: "stack.scheduledDelete", doc: `query($stack:ID!,$id:ID!){stack(id:$stack){scheduledDelete(id:$id){*}}}`, make: oneSchedule((*object).scheduledDelete)},
	{field: "stack.scheduledDeletes", doc: `query($stack:ID!){stack(id:$stack){scheduledDeletes{*}}}`, make: allSchedules((*object).scheduledDelete)},
}

func oneSchedule(make func(o *object) (stack, id string)) func(o *object) vars {
	return func(o *object) vars {
		stack, id := make(o)
		return vars{"stack": stack, "id": o.shown(id)}
	}
}

func allSchedules(make func(o *object) (stack, id string)) func(o *object) vars {
	return func(o *object) vars {
		stack, id := make(o)
		o.shown(id)
		return vars{"stack": stack}
	}
}

func aScheduledRun() vars {
	return vars{"name": "nightly", "cronSchedule": []any{"0 3 * * *"}, "timezone": "Europe/Paris", "timestampSchedule": nil, "runtimeConfig": nil}
}

func aScheduledTask() vars {
	return vars{"command": "tofu state list", "cronSchedule": nil, "timestampSchedule": someDay, "timezone": nil}
}

func aScheduledDelete() vars {
	return vars{"shouldDeleteResources": true, "timestampSchedule": someDay}
}

func (o *object) scheduledRun() (stack, schedule string) {
	stack = o.stack()
	return stack, id(o.admin.do("provider_schedules", "CreateRun", vars{"stack": stack, "input": aScheduledRun()}))
}

func (o *object) scheduledTask() (stack, schedule string) {
	stack = o.stack()
	return stack, id(o.admin.do("provider_schedules", "CreateTask", vars{"stack": stack, "input": aScheduledTask()}))
}

func (o *object) scheduledDelete() (stack, schedule string) {
	stack = o.stack()
	return stack, id(o.admin.do("provider_schedules", "CreateDelete", vars{"stack": stack, "input": aScheduledDelete()}))
}
