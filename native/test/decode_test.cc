#include "../wire/decode.h"

#include <doctest/doctest.h>

#include <map>

#include "../wire/presence.h"
#include "bytes.h"
#include "recorded.h"

namespace holdfast {

using wire::AddressRecord;

template <typename Decode>
static std::map<std::string, AddressRecord> DecodeAll(std::string_view hex, Decode decode) {
  const auto bytes = FromHex(hex);
  std::map<std::string, AddressRecord> found;
  for (const auto& message : Messages(bytes)) {
    AddressRecord record;
    if (decode(message, record)) found.emplace(wire::Describe(record), record);
  }
  return found;
}

TEST_CASE("a link dump becomes links") {
  const auto bytes = FromHex(recorded::kLinkDump);
  std::map<std::string, wire::LinkRecord> links;
  for (const auto& message : Messages(bytes))
    if (wire::LinkRecord link; wire::DecodeLink(message, link)) links.emplace(link.name, link);

  REQUIRE(links.size() == 3);
  const auto& veth = links.at("hf-a");
  CHECK(veth.index == 3);
  CHECK(veth.mtu == 1500);
  CHECK(veth.up);
  CHECK_FALSE(veth.carrier); /* its peer is down */
  CHECK(veth.kind == "veth");
  CHECK(veth.master == 0);
  CHECK(veth.mac == wire::Mac{2, 0, 0, 0, 0, 10});
  CHECK(veth.altnames == std::vector<std::string>{"hf-mail"});
  CHECK(links.at("lo").kind.empty());
  CHECK_FALSE(links.at("hf-b").up);
}

TEST_CASE("an address dump becomes addresses with their tag") {
  const auto found = DecodeAll(recorded::kAddressDump4, wire::DecodeAddress);
  CHECK(found.size() == 6);
  CHECK(found.count("10.1.1.1/32 on interface 3 with protocol 104") == 1);
  CHECK(found.count("10.1.1.9/24 on interface 3") == 1);
  const auto found6 = DecodeAll(recorded::kAddressDump6, wire::DecodeAddress);
  CHECK(found6.count("fd00::1/128 on interface 3") == 1);
}

TEST_CASE("the interface's own address does not look like an alias") {
  const auto found = DecodeAll(recorded::kAddressDump4, wire::DecodeAddress);
  const auto is_alias = [&](const char* name) { return (found.at(name).flags & wire::kFlagAlias) != 0; };
  CHECK_FALSE(is_alias("10.1.1.9/24 on interface 3"));  /* primary of its network */
  CHECK(is_alias("10.1.1.10/24 on interface 3"));       /* secondary */
  CHECK_FALSE(is_alias("10.1.1.77/32 on interface 3")); /* has a lifetime, as from DHCP */
  CHECK_FALSE(is_alias("10.9.0.1/32 on interface 3"));  /* has a peer */
  CHECK(is_alias("10.1.1.1/32 on interface 3 with protocol 104"));
}

TEST_CASE("a route dump becomes local routes without the kernel's own") {
  const auto found = DecodeAll(recorded::kRouteDump, wire::DecodeRoute);
  REQUIRE(found.size() == 1);
  const auto& [name, route] = *found.begin();
  CHECK(name == "10.1.2.1/32 on interface 3 with protocol 104");
  CHECK(route.flags == wire::kFlagRoute);
}

}  // namespace holdfast
