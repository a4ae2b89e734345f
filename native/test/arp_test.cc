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

TEST_CASE("a probe is a request from no address: RFC 5227 section 2.1.1") {
  CHECK(ToHex(wire::BuildArpProbe(kMac, kAddress)).substr(0, 84) ==
        "ffffffffffff" "02000000000a" "0806" "0001" "0800" "06" "04" "0001"
        "02000000000a" "00000000" "000000000000" "0a010101");
}

TEST_CASE("a question names who asks") {
  CHECK(ToHex(wire::BuildArpQuestion(kMac, {10, 1, 1, 2}, kAddress)).substr(0, 84) ==
        "ffffffffffff" "02000000000a" "0806" "0001" "0800" "06" "04" "0001"
        "02000000000a" "0a010102" "000000000000" "0a010101");
}

TEST_CASE("a request is read, and answered to who asked") {
  /* Linux 6.18, 10.1.1.2 with 02:00:00:00:00:0b asks for 10.1.1.1. */
  const auto request = FromHex("ffffffffffff" "02000000000b" "0806" "0001" "0800" "06" "04" "0001"
                               "02000000000b" "0a010102" "000000000000" "0a010101");
  wire::ArpMessage message;
  REQUIRE(wire::ParseArp(request, message));
  CHECK(message.form == wire::ArpForm::kRequest);
  CHECK(message.sender == wire::Ipv4{10, 1, 1, 2});
  CHECK(message.target == kAddress);
  CHECK(ToHex(wire::BuildArpAnswer(kMac, message)).substr(0, 84) ==
        "02000000000b" "02000000000a" "0806" "0001" "0800" "06" "04" "0002"
        "02000000000a" "0a010101" "02000000000b" "0a010102");
  for (size_t size = 0; size < request.size(); size++)
    CHECK_FALSE(wire::ParseArp(wire::Bytes(request).first(size), message));
  for (const size_t at : {12, 15, 16, 18, 19, 20, 21, 22}) { /* not ARP, Ethernet or IPv4; a third form; a group's */
    auto other = request;
    other[at] ^= 0x41;
    CHECK_FALSE(wire::ParseArp(other, message));
  }
}

}  // namespace holdfast
