// PostgreSQL compiled to WebAssembly (PGlite), with pgvector, behind a socket: a server for tests of src/postgres.
//
//   node pglite_server.mjs FOLDER     FOLDER/node_modules holds @electric-sql/pglite and @electric-sql/pglite-pgvector
//
// Listens on a free port of 127.0.0.1 and prints "port N"; ends when its standard input does. The database is in memory.
//
// There is one backend for all connections. So that they do not get in each other's way, messages go to it in wholes: a
// query, or everything up to Sync, and while one connection is in a transaction the others wait. COPY from a client is a
// conversation, which a backend without a socket of its own cannot hold: here the client's data is collected first.
import { createServer } from 'node:net';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

const require = createRequire(process.argv[2] + '/');
const load = async (name) => import(pathToFileURL(require.resolve(name)).href);
const { PGlite } = await load('@electric-sql/pglite');
const { vector } = await load('@electric-sql/pglite-pgvector');

const database = await PGlite.create({ extensions: { vector } });
const kSslRequest = 80877103;
const kCancelRequest = 80877102;
const kCopyInResponse = Buffer.from([0x47, 0, 0, 0, 7, 1, 0, 0]); // 'G', binary, columns are not told

let owner = null; // the connection that is in a transaction
let running = false;
const waiting = []; // { connection, message }

async function run_waiting() {
  if (running) return;
  running = true;
  for (;;) {
    const at = waiting.findIndex((unit) => owner === null || unit.connection === owner);
    if (at < 0) break;
    const { connection, message, is_copy } = waiting.splice(at, 1)[0];
    const replies = [];
    await database.runExclusive(() => database.execProtocolRawStream(message, { onRawData: (data) => replies.push(Buffer.from(data)) }));
    let reply = Buffer.concat(replies);
    if (is_copy && reply[0] === 0x47) {
      reply = reply.subarray(1 + reply.readInt32BE(1)); // it was answered before
    }
    const status = reply.length > 0 ? reply[reply.length - 1] : 0; // of ReadyForQuery: I, T or E
    owner = status === 0x54 || status === 0x45 ? connection : null;
    if (connection.socket.writable) connection.socket.write(reply);
    if (connection.is_closed && owner === connection) {
      await database.exec('ROLLBACK');
      owner = null;
    }
  }
  running = false;
}

class Connection {
  constructor(socket) {
    this.socket = socket;
    this.received = Buffer.alloc(0);
    this.is_started = false;
    this.is_closed = false;
    this.unit = []; // messages that wait for Sync
    this.copy = null; // messages of a COPY that goes on
  }

  give(messages, is_copy = false) {
    waiting.push({ connection: this, message: new Uint8Array(Buffer.concat(messages)), is_copy });
    void run_waiting();
  }

  take(data) {
    this.received = Buffer.concat([this.received, data]);
    for (;;) {
      const header = this.is_started ? 5 : 8;
      if (this.received.length < header) return;
      const size = this.is_started ? 1 + this.received.readInt32BE(1) : this.received.readInt32BE(0);
      if (this.received.length < size) return;
      const message = this.received.subarray(0, size);
      this.received = this.received.subarray(size);
      this.is_started ? this.take_message(message) : this.take_first(message);
    }
  }

  take_first(message) {
    const code = message.readInt32BE(4);
    if (code === kSslRequest) {
      this.socket.write('N');
    } else if (code === kCancelRequest) {
      this.socket.end();
    } else {
      this.is_started = true;
      this.give([message]);
    }
  }

  take_message(message) {
    const kind = String.fromCharCode(message[0]);
    if (this.copy !== null) {
      this.copy.push(message);
      if (kind === 'c' || kind === 'f') {
        this.give(this.copy, true);
        this.copy = null;
      }
    } else if (kind === 'X') {
      this.socket.end();
    } else if (kind === 'Q' && /^COPY .* FROM STDIN/i.test(message.toString('utf8', 5))) {
      this.copy = [message];
      this.socket.write(kCopyInResponse);
    } else if (kind === 'p') {
      this.give([message]); // a password
    } else {
      this.unit.push(message);
      if (kind === 'Q' || kind === 'S') {
        this.give(this.unit);
        this.unit = [];
      }
    }
  }

  close() {
    this.is_closed = true;
    if (owner === this && !running) {
      running = true;
      database.exec('ROLLBACK').then(() => {
        owner = null;
        running = false;
        return run_waiting();
      });
    }
  }
}

const server = createServer((socket) => {
  socket.setNoDelay(true);
  const connection = new Connection(socket);
  socket.on('data', (data) => connection.take(data));
  socket.on('error', () => socket.destroy());
  socket.on('close', () => connection.close());
});
server.listen(0, '127.0.0.1', () => console.log(`port ${server.address().port}`));
process.stdin.on('end', () => process.exit(0));
process.stdin.resume();
