#include "../wire/watched.h"

#include <doctest/doctest.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include "../wire/presence.h"
#include "bytes.h"
#include "recorded.h"

namespace holdfast {

using wire::AddressChange;
using wire::AddressRecord;
using wire::Watched;

namespace {

constexpr uint8_t kOurs = 104;
constexpr size_t kAll = 1000;

AddressRecord Alias(uint8_t last, uint32_t ifindex = 3) { return {4, 32, kOurs, wire::kFlagAlias, ifindex, {10, 1, 1, last}}; }

AddressRecord Route(uint8_t last, uint32_t ifindex = 3) { return {4, 32, kOurs, wire::kFlagRoute, ifindex, {10, 1, 2, last}}; }

AddressChange Came(const AddressRecord& record) { return {true, false, record}; }
AddressChange Went(const AddressRecord& record) { return {false, false, record}; }

std::vector<std::string> Names(const std::vector<AddressRecord>& records) {
  std::vector<std::string> names;
  for (const auto& record : records) names.push_back(wire::Describe(record));
  return names;
}

using Words = std::vector<std::string>;

}  // namespace

TEST_CASE("notifications of addresses and local routes become changes, without the kernel's own routes") {
  const auto bytes = FromHex(recorded::kAddressNotices);
  Words told;
  for (const auto& message : Messages(bytes))
    if (AddressChange change; wire::DecodeAddressChange(message, change))
      told.push_back((change.there ? "came " : "went ") + wire::Describe(change.record) +
                     (change.replaces ? ", for another" : ""));
  CHECK(told == Words{"came 10.1.1.7/32 on interface 3 with protocol 104", "came fd00::7/128 on interface 3",
                      "went 10.1.1.10/24 on interface 3", "came 10.1.2.7/32 on interface 3 with protocol 104",
                      "came 10.1.2.7/32 on interface 1 with protocol 104, for another",
                      "went 10.1.2.7/32 on interface 1 with protocol 104"});
}

TEST_CASE("a link that leaves its bridge is renamed, and does not go") {
  const auto bytes = FromHex(recorded::kLinkNotices);
  Watched watched;
  bool bridge_spoke = false;
  for (const auto& message : Messages(bytes)) {
    bridge_spoke |= message.type == RTM_DELLINK && message.payload[0] == AF_BRIDGE;
    if (wire::LinkChange change; wire::DecodeLinkChange(message, change)) watched.Apply(change);
  }
  CHECK(bridge_spoke);
  const auto changes = watched.Take(kAll);
  REQUIRE(changes.links.size() == 1); /* the bridge came and went */
  CHECK_FALSE(changes.links[0].before);
  REQUIRE(changes.links[0].after);
  CHECK(changes.links[0].after->name == "hf-c");
  CHECK(changes.links[0].after->master == 0);
}

TEST_CASE("a neighbour is known, by another hardware address, and not any more, as the kernel tells it") {
  const auto bytes = FromHex(recorded::kNeighbourNotices);
  const auto messages = Messages(bytes);
  REQUIRE(messages.size() == 5);
  Watched watched;
  const auto apply = [&](size_t at) {
    wire::NeighbourChange change;
    REQUIRE(wire::DecodeNeighbourChange(messages[at], change));
    watched.Apply(change);
    return watched.Take(kAll).neighbours;
  };
  const auto came = apply(0);
  REQUIRE(came.size() == 1);
  CHECK_FALSE(came[0].before);
  CHECK(came[0].after->mac == wire::Mac{2, 0, 0, 0, 0, 0x0b});
  const auto changed = apply(1);
  REQUIRE(changed.size() == 1);
  CHECK(changed[0].before == came[0].after);
  CHECK(changed[0].after->mac == wire::Mac{2, 0, 0, 0, 0, 0x0c});
  const auto ipv6 = apply(2);
  REQUIRE(ipv6.size() == 1);
  CHECK(ipv6[0].after->family == 6);
  const auto went = apply(3);
  REQUIRE(went.size() == 1);
  CHECK(went[0].before == changed[0].after);
  CHECK_FALSE(went[0].after);
  CHECK(apply(4).empty()); /* told twice */
}

TEST_CASE("the difference of neighbours to a dump makes the table equal to it") {
  const wire::NeighbourRecord one{3, 4, {2, 0, 0, 0, 0, 1}, 0, {10, 1, 1, 1}};
  const wire::NeighbourRecord two{3, 4, {2, 0, 0, 0, 0, 2}, 0, {10, 1, 1, 2}};
  Watched watched;
  watched.Apply(wire::NeighbourChange{true, one});
  watched.Forget();
  for (const auto& change : watched.Towards(std::vector<wire::NeighbourRecord>{two})) watched.Apply(change);
  const auto differences = watched.Take(kAll).neighbours;
  REQUIRE(differences.size() == 2);
  CHECK(differences[0].before == one);
  CHECK_FALSE(differences[0].after);
  CHECK(differences[1].after == two);
  CHECK(watched.Towards(std::vector<wire::NeighbourRecord>{two}).size() == 1); /* said again, and changes nothing */
}

TEST_CASE("what is told twice changes nothing, and what comes and goes between two looks is no change") {
  Watched watched;
  watched.Apply(Came(Alias(1)));
  watched.Apply(Came(Alias(1)));
  CHECK(Names(watched.Take(kAll).added) == Words{"10.1.1.1/32 on interface 3 with protocol 104"});
  watched.Apply(Came(Alias(1)));
  watched.Apply(Came(Alias(2)));
  watched.Apply(Went(Alias(2)));
  watched.Apply(Went(Alias(1)));
  watched.Apply(Came(Alias(1)));
  watched.Apply(Went(Alias(3)));
  CHECK_FALSE(watched.HasChanges());
}

TEST_CASE("an address whose tag changed went and came") {
  Watched watched;
  AddressRecord others = Alias(1);
  others.protocol = 18;
  watched.Apply(Came(Alias(1)));
  watched.Forget();
  watched.Apply(Came(others));
  const auto changes = watched.Take(kAll);
  CHECK(Names(changes.removed) == Words{"10.1.1.1/32 on interface 3 with protocol 104"});
  CHECK(Names(changes.added) == Words{"10.1.1.1/32 on interface 3 with protocol 18"});
}

TEST_CASE("an address is there until it has gone from its last place") {
  Watched watched;
  watched.Apply(Came(Alias(1, 3)));
  watched.Apply(Came(Alias(1, 9)));
  watched.Apply(Went(Alias(1, 3)));
  CHECK(watched.Has(Alias(1)));
  watched.Apply(Went(Alias(1, 9)));
  CHECK_FALSE(watched.Has(Alias(1)));
  CHECK_FALSE(watched.Has(Alias(2)));
}

TEST_CASE("changes are taken in parts, each once") {
  Watched watched;
  for (uint8_t i = 0; i < 5; i++) watched.Apply(Came(Alias(i)));
  CHECK(watched.Take(2).added.size() == 2);
  CHECK(watched.Take(2).added.size() == 2);
  CHECK(watched.HasChanges());
  CHECK(Names(watched.Take(2).added) == Words{"10.1.1.4/32 on interface 3 with protocol 104"});
  CHECK_FALSE(watched.HasChanges());
}

TEST_CASE("the difference to a dump makes the tables equal to it, and is told as any change") {
  Watched watched;
  for (const uint8_t i : {1, 2, 3}) watched.Apply(Came(Alias(i)));
  wire::LinkRecord link;
  link.index = 7;
  watched.Apply(wire::LinkChange{true, link});
  watched.Forget();
  for (const auto& change : watched.Towards({Alias(4), Alias(2), Alias(3)})) watched.Apply(change);
  for (const auto& change : watched.Towards(std::vector<wire::LinkRecord>{})) watched.Apply(change);
  const auto changes = watched.Take(kAll);
  CHECK(Names(changes.removed) == Words{"10.1.1.1/32 on interface 3 with protocol 104"});
  CHECK(Names(changes.added) == Words{"10.1.1.4/32 on interface 3 with protocol 104"});
  REQUIRE(changes.links.size() == 1);
  CHECK_FALSE(changes.links[0].after);
}

TEST_CASE("a dump is needed where routes go that the kernel does not tell") {
  Watched watched;
  wire::LinkRecord link;
  link.index = 3;
  watched.Apply(wire::LinkChange{true, link});
  watched.Apply(Came(Alias(1)));
  watched.Apply(Came(Alias(2)));
  watched.Apply(Came(Route(1)));
  watched.Apply(Went(Alias(1)));
  CHECK_FALSE(watched.TakeStale());
  SUBCASE("with the last address of their interface") { watched.Apply(Went(Alias(2))); }
  SUBCASE("with their interface") { watched.Apply(wire::LinkChange{false, link}); }
  SUBCASE("for another route") { watched.Apply(AddressChange{true, true, Route(1, 9)}); }
  CHECK(watched.TakeStale());
  CHECK_FALSE(watched.TakeStale());
}

TEST_CASE("no dump is needed where the last address of an interface goes that carries no routes") {
  Watched watched;
  watched.Apply(Came(Alias(1)));
  watched.Apply(Came(Route(1, 9)));
  watched.Apply(Went(Alias(1)));
  CHECK_FALSE(watched.TakeStale());
}

}  // namespace holdfast
