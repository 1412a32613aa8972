// Writes documents/*.graphql: what real clients send, made by the clients' own tools from what their users write. Go's
// tests run each against the server. No part of any build; to make them anew:
//
//   (cd $(mktemp -d) && go mod init x && go get github.com/Khan/genqlient@v0.8.1 golang.org/x/tools@v0.50.0 && go build -o /tmp/genqlient github.com/Khan/genqlient)
//   cd graph/testdata && npm install --no-audit --no-fund --no-package-lock && node generate.mjs /tmp/genqlient; rm -r node_modules
//
// (genqlient asks for a version of x/tools that Go 1.26 does not compile.)
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { InMemoryCache } from "@apollo/client";
import { formatDocument, gql as urqlGql, stringifyDocument } from "@urql/core";
import { getIntrospectionQuery, parse, print } from "graphql";

const require = createRequire(import.meta.url);
const here = import.meta.dirname;
const schema = join(here, "..", "..", "schema.graphqls");
const out = join(here, "documents");
rmSync(out, { recursive: true, force: true });
mkdirSync(out);

const write = (name, text) => writeFileSync(join(out, name + ".graphql"), text.trim() + "\n");
const operations = join(here, "operations");
const read = (name) => readFileSync(join(operations, name), "utf8");

// GraphiQL's, with every option that graphql-js has, and with none.
write("introspection_graphiql", getIntrospectionQuery({
  descriptions: true, specifiedByUrl: true, directiveIsRepeatable: true, schemaDescription: true,
  inputValueDeprecation: true, oneOf: true, experimentalDirectiveDeprecation: false,
}));
write("introspection_plain", getIntrospectionQuery({ descriptions: false }));

const cache = new InMemoryCache();

// Each hand-written operation as Apollo Client and urql put it on the wire: with __typename everywhere.
for (const file of readdirSync(operations)) {
  const name = basename(file, ".graphql");
  write("apollo_" + name, print(cache.transformDocument(parse(read(file)))));
  write("urql_" + name, stringifyDocument(formatDocument(urqlGql(read(file)))));
}

// Relay: the compiler's own output, from components with fragments, pagination and a refetchable fragment.
const project = mkdtempSync(join(tmpdir(), "relay-"));
writeFileSync(join(project, "schema.graphql"), readFileSync(schema, "utf8"));
writeFileSync(join(project, "App.js"), readFileSync(join(here, "relay", "App.js"), "utf8"));
writeFileSync(join(project, "relay.config.json"), JSON.stringify({
  src: ".", schema: "schema.graphql", language: "javascript", artifactDirectory: "__generated__",
  eagerEsModules: false, persistConfig: { file: "persisted.json" },
}));
mkdirSync(join(project, "__generated__"));
writeFileSync(join(project, "persisted.json"), "{}");
execFileSync(process.execPath, [require.resolve("relay-compiler/cli.js"), "relay.config.json"], { cwd: project, stdio: "inherit" });
for (const text of Object.values(JSON.parse(readFileSync(join(project, "persisted.json"), "utf8")))) {
  const name = /(?:query|mutation|subscription) (\w+)/.exec(text)[1];
  write("relay_" + name, text);
}
rmSync(project, { recursive: true });

// genqlient: the texts in the Go code that it writes.
const client = mkdtempSync(join(tmpdir(), "genqlient-"));
writeFileSync(join(client, "go.mod"), "module client\n");
writeFileSync(join(client, "schema.graphql"), readFileSync(schema));
writeFileSync(join(client, "operations.graphql"), readdirSync(operations).filter((f) => f !== "follow.graphql").map((f) =>
  read(f).replaceAll("Parts", "Parts" + basename(f, ".graphql")) // one package, so one name each
    .replace(/role: MessageRole = USER/g, "role: MessageRole")).join("\n"));
writeFileSync(join(client, "genqlient.yaml"), `schema: schema.graphql
operations: [operations.graphql]
generated: client.go
bindings: { DateTime: { type: time.Time } }
`);
execFileSync(process.argv[2], [], { cwd: client, stdio: "inherit" });
for (const [, name, text] of readFileSync(join(client, "client.go"), "utf8").matchAll(/const (\w+)_Operation = `([^`]*)`/g)) {
  write("genqlient_" + name, text);
}
rmSync(client, { recursive: true });
