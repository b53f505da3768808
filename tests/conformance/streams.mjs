// The graphql-sse client in distinct connections mode: one JSON value a line for what it saw.
import { createClient } from 'graphql-sse';

const [, , url, authorization] = process.argv;
const FOLLOW = 'subscription { needPublished { no } }';
const say = (value) => console.log(JSON.stringify(value));
const client = createClient({ url, singleConnection: false, headers: { authorization }, retryAttempts: 0 });

async function results(request, using = client) {
  const found = [];
  for await (const result of using.iterate(request)) found.push(result);
  return found;
}

say((await results({ query: '{ viewer { name } }' })).map((one) => one.data));
for (const query of ['{ nothing }', '{'])
  say((await results({ query })).map((one) => one.errors[0].extensions.code));

const stream = client.iterate({ query: FOLLOW });
const told = stream.next();
say('following');
say((await told).value.data);
await stream.return();

const wrong = createClient({ url, headers: { authorization: 'Bearer nonsense' }, retryAttempts: 0 });
say(await results({ query: FOLLOW }, wrong).catch((error) => error.response.status));
client.dispose();
wrong.dispose();
