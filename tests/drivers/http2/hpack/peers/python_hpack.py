"""python3-hpack as the peer: takes {"steps": [...]} in JSON from stdin, and prints an answer for each step.

{"tables": [sizes], "block": hex}   decodes, once its SETTINGS_HEADER_TABLE_SIZE were those: a list of [name, value, never]
{"tables": [sizes], "fields": [..]} encodes, once it got those sizes: hex
{"huffman": true}                   the codes and lengths of appendix B
{"static": true}                    the entries of appendix A

Text has one character for each byte.
"""

import json
import sys

from hpack import Decoder, Encoder, NeverIndexedHeaderTuple
from hpack.huffman_constants import REQUEST_CODES, REQUEST_CODES_LENGTH
from hpack.table import HeaderTable

decoder = Decoder(max_header_list_size=1 << 30)
encoder = Encoder()


def decode(tables, block):
    for size in tables:
        decoder.max_allowed_table_size = size
    fields = decoder.decode(bytes.fromhex(block), raw=True)
    return [
        [field[0].decode("latin1"), field[1].decode("latin1"), isinstance(field, NeverIndexedHeaderTuple)]
        for field in fields
    ]


def encode(tables, fields):
    for size in tables:
        encoder.header_table_size = size
    return encoder.encode([(name.encode("latin1"), value.encode("latin1")) for name, value in fields]).hex()


def answer(step):
    if "block" in step:
        return decode(step["tables"], step["block"])
    if "fields" in step:
        return encode(step["tables"], step["fields"])
    if "huffman" in step:
        return [REQUEST_CODES, REQUEST_CODES_LENGTH]
    return [[name.decode(), value.decode()] for name, value in HeaderTable.STATIC_TABLE]


print(json.dumps([answer(step) for step in json.load(sys.stdin)["steps"]]))
