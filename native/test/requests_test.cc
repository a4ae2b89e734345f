#include "../wire/requests.h"

#include <doctest/doctest.h>
#include <linux/if_addr.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <utility>

#include "bytes.h"
#include "recorded.h"

namespace holdfast {

using wire::AddressRecord;

/* Our own carries another sequence number than the recording. */
static std::string WithoutSeq(std::vector<uint8_t> bytes) {
  std::fill_n(bytes.begin() + offsetof(nlmsghdr, nlmsg_seq), sizeof(uint32_t), 0);
  return ToHex(bytes);
}

TEST_CASE("an address is added as iproute2 adds it, and tagged") {
  const AddressRecord record{4, 32, 0, 0, 3, {10, 1, 1, 6}};
  std::vector<uint8_t> bytes;
  wire::AppendAdd(bytes, 1, record, 104);

  auto expected = FromHex(recorded::kAddAddress);
  const auto tag = FromHex("05000b0068000000"); /* IFA_PROTO 104, which iproute2 6.1 cannot say */
  expected.insert(expected.end(), tag.begin(), tag.end());
  expected[0] = static_cast<uint8_t>(expected.size());
  CHECK(WithoutSeq(bytes) == WithoutSeq(expected));
}

TEST_CASE("an address is removed as iproute2 removes it") {
  const AddressRecord record{4, 32, 0, 0, 3, {10, 1, 1, 6}};
  std::vector<uint8_t> bytes;
  wire::AppendRemove(bytes, 1, record, 104);
  CHECK(WithoutSeq(bytes) == WithoutSeq(FromHex(recorded::kRemoveAddress)));
}

TEST_CASE("a local route is added and removed as iproute2 does it") {
  const AddressRecord record{4, 32, 0, wire::kFlagRoute, 3, {10, 1, 2, 2}};
  std::vector<uint8_t> add;
  wire::AppendAdd(add, 1, record, 104);
  CHECK(WithoutSeq(add) == WithoutSeq(FromHex(recorded::kAddRoute)));
  std::vector<uint8_t> remove;
  wire::AppendRemove(remove, 1, record, 104);
  CHECK(WithoutSeq(remove) == WithoutSeq(FromHex(recorded::kRemoveRoute)));
}

TEST_CASE("an IPv6 address is added without duplicate address detection and without a prefix route") {
  const AddressRecord record{6, 128, 0, 0, 3, {0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}};
  std::vector<uint8_t> bytes;
  wire::AppendAdd(bytes, 1, record, 104);
  CHECK(ToHex(bytes).find("0800080002020000") != std::string::npos); /* IFA_FLAGS: NOPREFIXROUTE, NODAD */
}

TEST_CASE("an IPv6 address that is to be probed is added without NODAD") {
  const AddressRecord record{6, 128, 0, wire::kFlagProbe, 3, {0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}};
  std::vector<uint8_t> bytes;
  wire::AppendAdd(bytes, 1, record, 104);
  CHECK(ToHex(bytes).find("0800080000020000") != std::string::npos); /* IFA_FLAGS: NOPREFIXROUTE */
}

TEST_CASE("an address that is to be no source is deprecated for IPv6, and of scope host for IPv4") {
  const auto scope = [](const AddressRecord& record) {
    std::vector<uint8_t> bytes;
    wire::AppendAdd(bytes, 1, record, 104);
    const bool deprecated = ToHex(bytes).find("1400060000000000ffffffff0000000000000000") != std::string::npos;
    return std::pair(bytes[sizeof(nlmsghdr) + offsetof(ifaddrmsg, ifa_scope)], deprecated); /* IFA_CACHEINFO 0, for ever */
  };
  const AddressRecord v6{6, 128, 0, wire::kFlagNoSource, 3, {0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}};
  CHECK(scope(v6) == std::pair<uint8_t, bool>(RT_SCOPE_UNIVERSE, true));
  CHECK(scope({4, 32, 0, wire::kFlagNoSource, 3, {10, 1, 1, 1}}) == std::pair<uint8_t, bool>(RT_SCOPE_HOST, false));
  CHECK(scope({4, 24, 0, wire::kFlagNoSource, 3, {10, 1, 1, 1}}) == std::pair<uint8_t, bool>(RT_SCOPE_UNIVERSE, false));
  CHECK(scope({4, 32, 0, 0, 3, {10, 1, 1, 1}}) == std::pair<uint8_t, bool>(RT_SCOPE_UNIVERSE, false));
}

TEST_CASE("a request that is answered only where it fails is the same but for that") {
  const AddressRecord record{4, 32, 0, 0, 3, {10, 1, 1, 1}};
  std::vector<uint8_t> loud;
  wire::AppendAdd(loud, 1, record, 104);
  const size_t start = loud.size();
  wire::AppendAdd(loud, 1, record, 104);
  std::vector<uint8_t> quiet = loud;
  wire::AnswerFailureOnly(quiet, start);
  CHECK(std::equal(loud.begin(), loud.begin() + static_cast<std::ptrdiff_t>(start), quiet.begin()));
  for (size_t i = start; i < loud.size(); i++) {
    const bool flags = i == start + offsetof(nlmsghdr, nlmsg_flags);
    CHECK(quiet[i] == (flags ? loud[i] & ~NLM_F_ACK : loud[i]));
  }
}

TEST_CASE("an alias that is extended is replaced, and valid for so many seconds, deprecated or not as before") {
  std::vector<uint8_t> bytes;
  wire::AppendExtend(bytes, 1, {4, 32, 0, wire::kFlagNoSource, 3, {10, 1, 1, 1}}, 104, 5);
  nlmsghdr header;
  std::memcpy(&header, bytes.data(), sizeof header);
  CHECK(header.nlmsg_type == RTM_NEWADDR);
  CHECK(header.nlmsg_flags == (NLM_F_REQUEST | NLM_F_ACK | NLM_F_REPLACE));
  CHECK(ToHex(bytes).find("1400060005000000050000000000000000000000") != std::string::npos); /* IFA_CACHEINFO */
  bytes.clear();
  wire::AppendExtend(bytes, 1, {6, 128, 0, wire::kFlagNoSource, 3, {0xfd}}, 104, 5);
  CHECK(ToHex(bytes).find("1400060000000000050000000000000000000000") != std::string::npos);
  bytes.clear();
  wire::AppendAdd(bytes, 1, {4, 32, 0, 0, 3, {10, 1, 1, 1}}, 104);
  CHECK(ToHex(bytes).find("14000600") == std::string::npos); /* for ever */
}

}  // namespace holdfast
