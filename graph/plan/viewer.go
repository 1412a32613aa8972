package plan

// ViewerDependent says whether the bytes of an event may differ between two viewers who both receive it: some field is
// selected whose resolver may use the viewer.
func (p *Plan) ViewerDependent() bool { return p.root.dependent }

// ViewerDependentOn says the same of the events of one type of the schema.
func (p *Plan) ViewerDependentOn(typeName string) bool {
	f := &p.root.fields[0]
	if f.on == nil {
		return p.root.dependent
	}
	t := p.planner.types[typeName]
	return t == nil || f.on[t.number] == nil || f.on[t.number].dependent
}
