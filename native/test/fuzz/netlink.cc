/* What a kernel answers, whatever it is: answers to requests, and dumps of links, addresses and routes. */
#include "../../wire/netlink.h"

#include <algorithm>

#include "../../wire/decode.h"
#include "../../wire/neighbours.h"
#include "../../wire/presence.h"
#include "fuzz.h"

using namespace holdfast;
using fuzz::Require;

static bool Contains(wire::Bytes bytes, std::string_view text) {
  const auto* begin = reinterpret_cast<const char*>(bytes.data());
  return text.empty() || (text.data() >= begin && text.data() + text.size() <= begin + bytes.size());
}

static void CheckFound(const wire::AddressRecord& found) {
  Require(wire::IsPlumbable(found), "an address that was found can be given back to be removed");
  Require(!wire::Describe(found).empty(), "an address that was found has words");
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const wire::Bytes input(data, size);
  wire::MessageReader reader(input);
  for (wire::Message message; reader.Next(message);) {
    wire::Ack ack;
    if (wire::ParseAck(message, ack)) Require(Contains(message.payload, ack.text), "the kernel's words lie in its answer");
    wire::LinkRecord link;
    if (wire::DecodeLink(message, link)) Require(link.index > 0 && !link.name.empty(), "a link has an index and a name");
    wire::AddressRecord record;
    if (wire::DecodeAddress(message, record)) {
      CheckFound(record);
      Require(!wire::IsRoute(record), "an address is not a route");
    }
    if (wire::DecodeRoute(message, record)) {
      CheckFound(record);
      Require(wire::IsRoute(record) && record.prefix == wire::HostPrefix(record.family), "a route is a host route");
    }
    wire::NeighbourChange neighbour;
    if (wire::DecodeNeighbourChange(message, neighbour)) {
      Require(neighbour.record.family == 4 || neighbour.record.family == 6, "a neighbour is of a family");
      Require(neighbour.record.ifindex > 0, "a neighbour is on a link");
      Require(wire::DecodeNeighbour(message, neighbour.record) == neighbour.there, "what came is what a dump would have");
    }
  }
  return 0;
}
