/* Records that are to be plumbed: a tag, then records. What is asked of the kernel is what the record says. */
#include <linux/rtnetlink.h>

#include "../../wire/decode.h"
#include "../../wire/requests.h"
#include "fuzz.h"

using namespace holdfast;
using fuzz::Require;

static bool IsAsked(const wire::AddressRecord& found, const wire::AddressRecord& asked, uint8_t tag) {
  const uint8_t prefix = wire::IsRoute(asked) ? wire::HostPrefix(asked.family) : asked.prefix;
  return wire::CompareAddress(found, asked) == 0 && found.ifindex == asked.ifindex && found.prefix == prefix &&
         found.protocol == tag && wire::IsRoute(found) == wire::IsRoute(asked);
}

static void CheckAdd(const wire::Message& message, const wire::AddressRecord& record, uint8_t tag) {
  wire::AddressRecord found;
  if (!wire::IsRoute(record)) {
    Require(wire::DecodeAddress(message, found) && IsAsked(found, record, tag), "an address is asked for as it was given");
  } else if (tag != RTPROT_KERNEL) { /* those are not reported */
    Require(wire::DecodeRoute(message, found) && IsAsked(found, record, tag), "a route is asked for as it was given");
  }
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0 || data[0] == 0) return 0; /* 0 is not a tag */
  const uint8_t tag = data[0];
  std::vector<wire::AddressRecord> asked;
  std::vector<uint8_t> requests;
  for (const wire::AddressRecord& record : fuzz::Records(data + 1, size - 1)) {
    if (!wire::IsPlumbable(record)) continue;
    wire::AppendAdd(requests, static_cast<uint32_t>(asked.size()), record, tag);
    wire::AppendRemove(requests, static_cast<uint32_t>(asked.size()), record, tag);
    asked.push_back(record);
  }

  wire::MessageReader reader(requests);
  wire::Message message;
  for (size_t i = 0; i < asked.size(); i++) {
    Require(reader.Next(message) && message.seq == i, "each record makes one request to add");
    CheckAdd(message, asked[i], tag);
    Require(reader.Next(message) && message.seq == i, "and one to remove");
    Require(message.type == (wire::IsRoute(asked[i]) ? RTM_DELROUTE : RTM_DELADDR), "which removes");
  }
  Require(!reader.Next(message), "and nothing else");
  return 0;
}
