package graph

// For tests of package graph_test.
const Patience = patience

// UntilAvailable is for tests.
var UntilAvailable = untilAvailable
