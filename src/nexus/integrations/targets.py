"""Where nexus may send: what an address may look like, and which IP addresses it may lead to.

One strict grammar reads the address, so that no two parsers can disagree about its host. What
is not plainly a public https server is refused, whatever the name says: the addresses it resolves
to are judged again at every connection.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

MAX_URL = 2000
HTTPS_PORT = 443
FIRST_FREE_PORT = 1024

AllowList = frozenset[tuple[str, int]]
"""(host, port) pairs that are taken as they are, over plain http too: a developer's own machine."""

_URL = re.compile(
    r"(?P<scheme>https?)://(?P<host>[A-Za-z0-9.-]+)(?::(?P<port>[0-9]{1,5}))?"
    r"(?P<path>/[A-Za-z0-9._~!$&'()*+,;=:@%/-]*)?(?P<query>\?[A-Za-z0-9._~!$&'()*+,;=:@%/?-]*)?",
    re.ASCII,
)
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", re.ASCII)
_NUMBER = re.compile(r"[0-9]+|0[xX][0-9a-fA-F]*", re.ASCII)
_INSIDE = frozenset(
    {"localhost", "local", "localdomain", "internal", "intranet", "lan", "home", "corp", "private"}
    | {"arpa", "invalid", "test", "example", "onion", "alt"}
)
"""Last labels of names that are no public ones (RFC 2606, 6761, 6762, 7686, 9476, and habit)."""

IPV4_REFUSED = tuple(
    IPv4Network(text)
    for text in (
        "0.0.0.0/8",  # this network
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # carrier-grade NAT; some clouds' metadata
        "127.0.0.0/8",  # loopback
        "168.63.129.16/32",  # a cloud's host service
        "169.254.0.0/16",  # link-local; most clouds' metadata
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # protocol assignments; another cloud's metadata
        "192.0.2.0/24",  # documentation
        "192.31.196.0/24",  # AS112
        "192.52.193.0/24",  # AMT
        "192.88.99.0/24",  # 6to4 relay
        "192.168.0.0/16",  # private
        "192.175.48.0/24",  # AS112
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, broadcast
    )
)
IPV6_GLOBAL = IPv6Network("2000::/3")
"""All that is assigned for use: loopback, mapped, NAT64, ULA, link-local, multicast lie outside."""
IPV6_REFUSED = tuple(
    IPv6Network(text)
    for text in (
        "2001::/23",  # protocol assignments: Teredo, benchmarks, ORCHID
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4: an IPv4 address in disguise
        "2620:4f:8000::/48",  # AS112
        "3fff::/20",  # documentation
    )
)
_ISATAP = (0x00005EFE, 0x02005EFE)


class TargetRefused(Exception):  # noqa: N818 - the address is refused, the program is well
    """nexus does not send there. `cause` is a code for programs."""

    def __init__(self, cause: str, message: str) -> None:
        super().__init__(cause)
        self.cause = cause
        self.message = message


@dataclass(frozen=True)
class Target:
    """An address taken apart. `host` is in lower case."""

    scheme: str
    host: str
    port: int
    path: str
    """With the query; at least `/`."""
    trusted: bool = False
    """On the allow-list: connected to as it is."""

    @property
    def url(self) -> str:
        """The address in its one form."""
        default = HTTPS_PORT if self.scheme == "https" else 80
        port = "" if self.port == default else f":{self.port}"
        return f"{self.scheme}://{self.host}{port}{self.path}"

    @property
    def authority(self) -> str:
        """The Host header."""
        return self.url.split("/")[2]


def read_target(url: str, allowed: AllowList = frozenset()) -> Target:
    """The address taken apart. TargetRefused unless it is an https address of a public name."""
    found = _URL.fullmatch(url) if len(url) <= MAX_URL else None
    if found is None:
        raise TargetRefused(
            "MALFORMED",
            "This is no address that can be sent to: https://name/path in plain ASCII (a name in "
            f"other letters by its xn-- form), without user or fragment, at most {MAX_URL} "
            "characters.",
        )
    scheme, host = found["scheme"], found["host"].lower()
    port = int(found["port"] or (HTTPS_PORT if scheme == "https" else 80))
    path = (found["path"] or "/") + (found["query"] or "")
    if (host, port) in allowed:
        return Target(scheme, host, port, path, trusted=True)
    if scheme != "https":
        raise TargetRefused("NOT_HTTPS", "Only https addresses are sent to.")
    if port != HTTPS_PORT and not FIRST_FREE_PORT < port < 2**16:
        raise TargetRefused("PORT", "The port is 443 or lies between 1025 and 65535.")
    _check_name(host)
    return Target(scheme, host, port, path)


def _check_name(host: str) -> None:
    labels = host.split(".")
    if _NUMBER.fullmatch(labels[-1]) or (labels[-1] == "" and _NUMBER.fullmatch(labels[-2])):
        raise TargetRefused("IP_ADDRESS", "Give the server's name, not its IP address.")
    if len(host) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise TargetRefused("HOST", "This is no host name: letters, digits, hyphens and dots.")
    if len(labels) < 2 or labels[-1] in _INSIDE:
        raise TargetRefused("NOT_PUBLIC", "This is no name of a public server.")


def refused(address: IPv4Address | IPv6Address) -> bool:
    """Whether the address is none of a public server: private, special, or IPv4 in disguise."""
    if isinstance(address, IPv4Address):
        return any(address in network for network in IPV4_REFUSED) or not address.is_global
    if address.scope_id is not None or address not in IPV6_GLOBAL or not address.is_global:
        return True
    if (int(address) >> 32) & 0xFFFFFFFF in _ISATAP:
        return True
    return any(address in network for network in IPV6_REFUSED)


def check_addresses(addresses: Iterable[str]) -> list[str]:
    """The addresses, each of them public; TargetRefused when there is none, or one is not.

    One bad address among good ones refuses them all: who answers so is not to be trusted.
    """
    found = list(dict.fromkeys(addresses))
    if not found:
        raise TargetRefused("UNRESOLVED", "This name has no address.")
    for text in found:
        try:
            address = ip_address(text)
        except ValueError:
            raise TargetRefused("ADDRESS", "This name leads to no usable address.") from None
        if refused(address):
            raise TargetRefused("ADDRESS", "This name leads into a private or special network.")
    return found
