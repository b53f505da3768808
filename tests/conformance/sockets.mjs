// The graphql-ws client against a URL: one JSON value a line for what it saw, in this order:
// a query's results, a wrong document's errors, how many subscriptions began, their results,
// what was left after one of them was stopped, and the code the last close came with.
import { createClient } from 'graphql-ws';
import WebSocket from 'ws';

const [, , url, authorization] = process.argv;
const FOLLOW = 'subscription { needPublished { no } }';
const say = (value) => console.log(JSON.stringify(value));

const closed = [];
const client = createClient({
  url,
  webSocketImpl: WebSocket,
  connectionParams: { authorization },
  lazy: false,
  retryAttempts: 0,
  onNonLazyError: () => {},
  on: { closed: (event) => closed.push(event.code) },
});

async function results(request) {
  const found = [];
  for await (const result of client.iterate(request)) found.push(result.data);
  return found;
}

say(await results({ query: 'query ($a: Boolean!) { viewer @include(if: $a) { name } }', variables: { a: true } }));
say(await results({ query: '{ nothing }' }).catch((errors) => errors.map((e) => e.extensions.code)));
say(await results({ query: '{' }).catch((errors) => errors.map((e) => e.extensions.code)));

const first = client.iterate({ query: FOLLOW });
const second = client.iterate({ query: FOLLOW });
const told = [first.next(), second.next()];
await results({ query: '{ __typename }' });
say(told.length);
say((await Promise.all(told)).map((one) => one.value.data));
await first.return();
const next = second.next();
await results({ query: '{ __typename }' });
say(1);
say([(await next).value.data]);
client.terminate();
await client.dispose();

const wrong = createClient({
  url,
  webSocketImpl: WebSocket,
  connectionParams: { authorization: 'Bearer nonsense' },
  retryAttempts: 0,
  on: { closed: (event) => closed.push(event.code) },
});
await new Promise((done) => wrong.subscribe({ query: FOLLOW }, { next: done, error: done, complete: done }));
say(closed.at(-1));
await wrong.dispose();
