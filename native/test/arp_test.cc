#include "../wire/arp.h"

#include <doctest/doctest.h>

#include "bytes.h"

namespace holdfast {

constexpr wire::Mac kMac{0x02, 0, 0, 0, 0, 0x0a};
constexpr wire::Ipv4 kAddress{10, 1, 1, 1};

TEST_CASE("an announcement is 60 bytes about the sender itself") {
  const std::string padding(36, '0');
  SUBCASE("as a request, with no target hardware address: RFC 5227 section 3") {
    CHECK(ToHex(wire::BuildAnnouncement(wire::ArpForm::kRequest, kMac, kAddress)) ==
          "ffffffffffff" "02000000000a" "0806" "0001" "0800" "06" "04" "0001"
          "02000000000a" "0a010101" "000000000000" "0a010101" + padding);
  }
  SUBCASE("as a reply, with its own: RFC 5944 section 4.6") {
    CHECK(ToHex(wire::BuildAnnouncement(wire::ArpForm::kReply, kMac, kAddress)) ==
          "ffffffffffff" "02000000000a" "0806" "0001" "0800" "06" "04" "0002"
          "02000000000a" "0a010101" "02000000000a" "0a010101" + padding);
  }
  SUBCASE("to one host, by its Ethernet address alone") {
    const wire::Mac host{0x02, 0, 0, 0, 0, 0x0b};
    CHECK(ToHex(wire::BuildAnnouncement(wire::ArpForm::kRequest, kMac, kAddress, host)) ==
          "02000000000b" "02000000000a" "0806" "0001" "0800" "06" "04" "0001"
          "02000000000a" "0a010101" "000000000000" "0a010101" + padding);
  }
}

}  // namespace holdfast
