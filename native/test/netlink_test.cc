#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include "../wire/netlink.h"

#include <doctest/doctest.h>

#include "../wire/decode.h"
#include "bytes.h"
#include "recorded.h"

namespace holdfast {

using wire::Ack;
using wire::Message;

TEST_CASE("an answer of success has error 0 and no words") {
  const auto bytes = FromHex(recorded::kAckOk);
  const auto messages = Messages(bytes);
  REQUIRE(messages.size() == 1);
  Ack ack;
  REQUIRE(wire::ParseAck(messages[0], ack));
  CHECK(ack.error == 0);
  CHECK(ack.text.empty());
  CHECK(messages[0].seq == 7);
}

TEST_CASE("an answer of failure has the kernel's own words") {
  SUBCASE("when it is capped") {
    const auto bytes = FromHex(recorded::kAckNoDevice);
    Ack ack;
    REQUIRE(wire::ParseAck(Messages(bytes).at(0), ack));
    CHECK(ack.error == -ENODEV);
    CHECK(ack.text == "ipv4: Device not found");
  }
  SUBCASE("when the request is echoed before them") {
    const auto bytes = FromHex(recorded::kAckBadPrefix);
    Ack ack;
    REQUIRE(wire::ParseAck(Messages(bytes).at(0), ack));
    CHECK(ack.error == -EINVAL);
    CHECK(ack.text == "ipv4: Invalid prefix length");
  }
}

TEST_CASE("what is built is read back") {
  std::vector<uint8_t> bytes;
  {
    wire::MessageBuilder message(bytes, 20, 5, 42);
    message.Body(uint32_t{7});
    message.Attribute(1, uint8_t{9});
    message.Attribute(2, wire::Bytes{});
  }
  wire::MessageBuilder(bytes, 21, 6, 43).Attribute(3, uint32_t{0x01020304});

  const auto messages = Messages(bytes);
  REQUIRE(messages.size() == 2);
  CHECK(messages[0].type == 20);
  CHECK(messages[0].flags == 5);
  CHECK(messages[0].seq == 42);
  CHECK(ToHex(messages[0].payload) == "07000000" "0500010009000000" "04000200");
  CHECK(messages[1].seq == 43);

  wire::AttributeReader attributes(wire::AfterAligned(messages[0].payload, 4));
  wire::Attribute attribute;
  REQUIRE(attributes.Next(attribute));
  CHECK(attribute.type == 1);
  CHECK(ToHex(attribute.value) == "09");
  REQUIRE(attributes.Next(attribute));
  CHECK(attribute.value.empty());
  CHECK_FALSE(attributes.Next(attribute));
}

TEST_CASE("a length that claims too much or too little ends the walk") {
  CHECK(Messages(FromHex("ff000000" "02000000" "01000000" "00000000")).empty());
  CHECK(Messages(FromHex("0f000000" "02000000" "01000000" "00000000")).empty());
  CHECK(Messages(FromHex("100000000200")).empty());
  wire::Attribute attribute;
  for (const char* hex : {"05000100", "03000100", "0000", ""}) {
    const auto bytes = FromHex(hex);
    CHECK_FALSE(wire::AttributeReader(bytes).Next(attribute));
  }
}

/* Reads all that can be read; under a sanitizer an overrun stops the test. */
static void ReadEverything(wire::Bytes bytes) {
  for (const Message& message : Messages(bytes)) {
    Ack ack;
    wire::LinkRecord link;
    wire::AddressRecord address;
    wire::ParseAck(message, ack);
    wire::DecodeLink(message, link);
    wire::DecodeAddress(message, address);
    wire::DecodeRoute(message, address);
  }
}

TEST_CASE("recordings that are cut anywhere or damaged anywhere are read without harm") {
  for (const auto hex : {recorded::kLinkDump, recorded::kAddressDump4, recorded::kAddressDump6, recorded::kRouteDump,
                         recorded::kAckNoDevice, recorded::kAckBadPrefix}) {
    const auto whole = FromHex(hex);
    for (size_t length = 0; length < whole.size(); length++) {
      const std::vector<uint8_t> cut(whole.begin(), whole.begin() + static_cast<ptrdiff_t>(length)); /* exact allocation */
      ReadEverything(cut);
    }
    for (size_t at = 0; at < whole.size(); at++) {
      for (const uint8_t value : {0x00, 0x01, 0x7f, 0xff}) {
        auto damaged = whole;
        damaged[at] = value;
        ReadEverything(damaged);
      }
    }
  }
}

}  // namespace holdfast
