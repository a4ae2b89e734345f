#include "../wire/address_text.h"

#include <doctest/doctest.h>

#include <string>

#include "bytes.h"

namespace holdfast {

using wire::AddressRecord;
using wire::ParseAddress;
using wire::ParseAddresses;

constexpr size_t kMany = 1000;
static const wire::Target kHost{3, std::nullopt, 0};

/* "4 0a010106000000000000000000000000", or "no address". */
static std::string Parsed(std::string_view text) {
  const auto record = ParseAddress(text);
  if (!record) return "no address";
  return std::to_string(record->family) + " " + ToHex(record->address);
}

TEST_CASE("an IPv4 address uses the first four bytes, and the rest are zero") {
  CHECK(Parsed("10.1.1.6") == "4 0a010106000000000000000000000000");
  CHECK(Parsed("0.0.0.0") == "4 00000000000000000000000000000000");
  CHECK(Parsed("255.255.255.255") == "4 ffffffff000000000000000000000000");
}

TEST_CASE("every spelling of an IPv6 address is the same address") {
  for (const char* text : {"2001:db8::1", "2001:DB8::1", "2001:0db8:0:0:0:0:0:1", "2001:db8::0.0.0.1"})
    CHECK(Parsed(text) == "6 20010db8000000000000000000000001");
  CHECK(Parsed("::") == "6 00000000000000000000000000000000");
  CHECK(Parsed("1:2:3:4:5:6:7::") == "6 00010002000300040005000600070000");
}

TEST_CASE("an IPv4-mapped address is an IPv6 address") {
  CHECK(Parsed("::ffff:10.1.1.6") == "6 00000000000000000000ffff0a010106");
  CHECK(Parsed("::ffff:a01:106") == Parsed("::ffff:10.1.1.6"));
}

TEST_CASE("the longest spelling that there is is an address, and one byte more is none") {
  const std::string longest = "fd00:0000:0000:0000:0000:0000:255.255.255.255";
  CHECK(longest.size() == 45);
  CHECK(Parsed(longest) == "6 fd00000000000000000000" "00ffffffff");
  CHECK(Parsed(longest + "0") == "no address");
  CHECK(Parsed(std::string(kMany, '1')) == "no address");
  CHECK(Parsed(std::string(kMany, ':')) == "no address");
}

TEST_CASE("what is no address is none") {
  for (const char* text : {"", "10.1.1", "10.1.1.1.1", "10.1.1.256", "010.1.1.1", "10.1.1.01", "10.1.1.1/32", "10..1.1", "0x0a.1.1.1",
                           " 10.1.1.1", "10.1.1.1 ", "10.1.1.1\r", "167837953", "fe80::1%eth0", ":", ":::", "1::2::3", "::12345",
                           "1:2:3:4:5:6:7:8:9", "1:2:3:4:5:6:7:8::", "::256.1.1.1", "::01.1.1.1", "eth0", "\xd9\xa1.1.1.1"})
    CHECK_MESSAGE(Parsed(text) == "no address", text);
}

TEST_CASE("a text is no address for what it begins with up to a NUL") {
  using namespace std::string_view_literals;
  for (const auto text : {"10.1.1.1\0"sv, "10.1.1.1\0x"sv, "fd00::1\0"sv, "\0"sv, "\00010.1.1.1"sv})
    CHECK(Parsed(text) == "no address");
}

TEST_CASE("a record is made of each address, in their order and as often as it is there, with the host's prefix") {
  const auto records = ParseAddresses("10.1.1.2\nfd00::1\n10.1.1.1\n10.1.1.2", {3, std::nullopt, wire::kFlagRoute}, 4);
  REQUIRE(records.size() == 4);
  std::string order;
  for (const AddressRecord& record : records) {
    order += std::to_string(record.address[3]) + "/" + std::to_string(record.prefix) + " ";
    CHECK(record.ifindex == 3);
    CHECK(record.flags == wire::kFlagRoute);
    CHECK(record.protocol == 0);
    CHECK(wire::IsPlumbable(record));
  }
  CHECK(order == "2/32 0/128 1/32 2/32 ");
}

TEST_CASE("a prefix that is given is the prefix of every record, fits it or not") {
  const auto records = ParseAddresses("10.1.1.1\nfd00::1", {3, 64, 0}, kMany);
  REQUIRE(records.size() == 2);
  CHECK(records[0].prefix == 64);
  CHECK_FALSE(wire::IsPlumbable(records[0]));
  CHECK(records[1].prefix == 64);
  CHECK(wire::IsPlumbable(records[1]));
}

TEST_CASE("one text that is no address leaves no record of any") {
  for (const char* texts : {"", "\n", "10.1.1.1\n", "\n10.1.1.1", "10.1.1.1\n\n10.1.1.2", "10.1.1.1\neth0\n10.1.1.2",
                            "10.1.1.1\r\n10.1.1.2", "10.1.1.1 10.1.1.2", "eth0\n10.1.1.1", "10.1.1.1\neth0"})
    CHECK_MESSAGE(ParseAddresses(texts, kHost, kMany).empty(), texts);
  CHECK(ParseAddresses(std::string_view("10.1.1.1\0\n10.1.1.2", 18), kHost, kMany).empty());
}

TEST_CASE("more addresses than there is room for leave no record of any") {
  CHECK(ParseAddresses("10.1.1.1\n10.1.1.2", kHost, 2).size() == 2);
  CHECK(ParseAddresses("10.1.1.1\n10.1.1.2", kHost, 1).empty());
  CHECK(ParseAddresses("10.1.1.1", kHost, 0).empty());
}

}  // namespace holdfast
