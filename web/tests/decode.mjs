/* What a QR code says: its grey pixels as JSON on stdin, a square of them. */
import { readFileSync } from "node:fs";
import decodeQR from "qr/decode.js";

const grey = JSON.parse(readFileSync(0, "utf-8"));
const side = Math.round(Math.sqrt(grey.length));
const data = new Uint8Array(grey.length * 4);
grey.forEach((value, at) => data.set([value, value, value, 255], at * 4));
console.log(decodeQR({ width: side, height: side, data }));
