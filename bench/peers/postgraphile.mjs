// The PostGraphile peer: the amber preset with the two plugins its documentation recommends for
// names and filters, served by grafserv over Node's http, prepared statements on.
//
// Row policies are predicates that selectAuth adds to every select of a table: one statement and
// no transaction a request, which is cheaper than the row-level security that its docs describe.
import { createServer } from "node:http";
import { readFileSync } from "node:fs";
import { postgraphile } from "postgraphile";
import { makePgService } from "postgraphile/adaptors/pg";
import { grafserv } from "postgraphile/grafserv/node";
import { sql } from "postgraphile/pg-sql2";
import { PostGraphileAmberPreset } from "postgraphile/presets/amber";
import { PgSimplifyInflectionPreset } from "@graphile/simplify-inflection";
import { PostGraphileConnectionFilterPreset } from "postgraphile-plugin-connection-filter";

const policies = JSON.parse(readFileSync(process.env.BENCH_POLICIES, "utf8"));

function predicate(text, alias) {
  const [first, ...rest] = text.split("__row__");
  return rest.reduce((built, part) => sql`${built}${alias}${sql.raw(part)}`, sql.raw(first));
}

const RowPolicies = {
  name: "RowPolicies",
  version: "1.0.0",
  gather: {
    hooks: {
      pgTables_PgResourceOptions(info, event) {
        const text = policies[event.pgClass.relname];
        if (text && text !== "true") {
          event.resourceOptions.selectAuth = ($select) => {
            $select.where(predicate(text, $select.alias));
          };
        }
      },
    },
  },
};

const preset = {
  extends: [
    PostGraphileAmberPreset,
    PgSimplifyInflectionPreset,
    PostGraphileConnectionFilterPreset,
  ],
  plugins: [RowPolicies],
  grafserv: { graphiql: false, websockets: false, watch: false },
  pgServices: [
    makePgService({
      connectionString: process.env.BENCH_URL,
      schemas: ["public"],
      poolConfig: { max: 10 },
    }),
  ],
};

const server = createServer();
const pgl = postgraphile(preset);
await pgl.createServ(grafserv).addTo(server);
await pgl.getSchema();
server.listen(Number(process.env.BENCH_PORT), "127.0.0.1");
for (const signal of ["SIGINT", "SIGTERM"]) {
  process.once(signal, () => process.exit(0));
}
