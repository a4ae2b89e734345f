/* A list of sockets, whatever it holds: what is found is closed by the name that the kernel gave it, and no other. The first
 * byte says which addresses are looked for, the rest is the kernel's answer. */
#include "../../wire/diag.h"
#include "../../wire/uses.h"

#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>

#include "fuzz.h"

using namespace holdfast;
using fuzz::Require;

static void CheckDestroy(const wire::SocketRecord& socket) {
  std::vector<uint8_t> request;
  wire::AppendDestroy(request, 1, socket, IPPROTO_TCP);
  wire::Message message;
  inet_diag_req_v2 body;
  Require(wire::MessageReader(request).Next(message) && wire::ReadFront(message.payload, body), "one request");
  Require(message.type == SOCK_DESTROY && (message.flags & NLM_F_DUMP) == 0, "which closes one socket");
  Require(body.sdiag_family == socket.family && std::memcmp(&body.id, &socket.id, sizeof body.id) == 0,
          "the one that was listed");
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const wire::Bytes answer(data + 1, size - 1);
  std::vector<wire::SocketRecord> found;
  wire::MessageReader reader(answer);
  for (wire::Message message; reader.Next(message);) {
    wire::SocketRecord socket;
    wire::UseRecord use;
    Require(wire::DecodeBoundSocket(message, wire::UseKind::kTcpListener, use) == wire::DecodeSocket(message, socket),
            "a use by a socket is of what is a socket");
    wire::DecodeRouteSource(message, use);
    if (!wire::DecodeSocket(message, socket)) continue;
    Require(socket.family == AF_INET || socket.family == AF_INET6, "a socket is of a known family");
    Require(socket.family == AF_INET6 || (wire::IsIpv4(socket.ends.local) && wire::IsIpv4(socket.ends.remote)),
            "and of IPv4 with both ends");
    CheckDestroy(socket);
    found.push_back(socket);
  }
  std::vector<wire::IpAddress> wanted;
  for (size_t i = 0; i < found.size(); i++)
    if ((data[0] >> (i % 8) & 1) != 0) wanted.push_back(found[i].ends.local);
  const wire::AddressSet set(wanted);
  for (const wire::SocketRecord& socket : found)
    Require(set.Has(socket.ends.local) == (std::ranges::find(wanted, socket.ends.local) != wanted.end()),
            "a set has what it was made of, and nothing else");
  Require(set.HasIpv4() == std::ranges::any_of(wanted, wire::IsIpv4), "it knows whether that is IPv4");
  return 0;
}
