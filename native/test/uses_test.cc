#include "../wire/uses.h"

#include <doctest/doctest.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include "bytes.h"
#include "recorded.h"

namespace holdfast {

namespace {

constexpr wire::Ipv4 kSource{10, 1, 0, 54};

struct RouteTerms {
  uint8_t table = RT_TABLE_MAIN;
  uint8_t protocol = RTPROT_BOOT;
  uint32_t flags = 0;
};

std::vector<uint8_t> Route(const RouteTerms& terms) {
  std::vector<uint8_t> bytes;
  rtmsg body{};
  body.rtm_family = AF_INET;
  body.rtm_table = terms.table;
  body.rtm_protocol = terms.protocol;
  body.rtm_type = RTN_UNICAST;
  body.rtm_flags = terms.flags;
  wire::MessageBuilder message(bytes, RTM_NEWROUTE, NLM_F_MULTI, 7);
  message.Body(body);
  message.Attribute(RTA_PREFSRC, kSource);
  message.Attribute(RTA_OIF, uint32_t{3});
  return bytes;
}

bool IsSource(const RouteTerms& terms) {
  const auto bytes = Route(terms);
  wire::UseRecord use;
  return wire::DecodeRouteSource(Messages(bytes)[0], use);
}

}  // namespace

TEST_CASE("a route with a source is a use of that address, whatever table it is in and whoever made it") {
  const auto bytes = Route({});
  wire::UseRecord use;
  REQUIRE(wire::DecodeRouteSource(Messages(bytes)[0], use));
  CHECK(use.address == wire::Mapped(kSource));
  CHECK(use.kind == static_cast<uint8_t>(wire::UseKind::kRouteSource));
  CHECK(use.prefix == 0);
  CHECK(use.where == 3);
  CHECK(IsSource({.table = 100}));
  CHECK(IsSource({.protocol = RTPROT_KERNEL})); /* the connected route of a network */
  CHECK(IsSource({.table = RT_TABLE_LOCAL, .protocol = RTPROT_STATIC}));
}

TEST_CASE("what the kernel makes of an address in the local table is no use of it, nor is a cached decision") {
  CHECK_FALSE(IsSource({.table = RT_TABLE_LOCAL, .protocol = RTPROT_KERNEL}));
  CHECK_FALSE(IsSource({.flags = RTM_F_CLONED}));
  const auto dump = FromHex(recorded::kRouteDump);
  wire::UseRecord use;
  for (const wire::Message& message : Messages(dump)) CHECK_FALSE(wire::DecodeRouteSource(message, use));
}

TEST_CASE("a route without a source, or with one that is no address, is none") {
  auto bytes = Route({});
  wire::UseRecord use;
  bytes[sizeof(nlmsghdr)] = AF_INET6; /* its source is four bytes long */
  CHECK_FALSE(wire::DecodeRouteSource(Messages(bytes)[0], use));
  wire::Message message = Messages(bytes)[0];
  message.payload = message.payload.first(sizeof(rtmsg));
  CHECK_FALSE(wire::DecodeRouteSource(message, use));
  message.payload = message.payload.first(sizeof(rtmsg) - 1);
  CHECK_FALSE(wire::DecodeRouteSource(message, use));
}

TEST_CASE("a socket is a use of its local address, by its port and inode") {
  const auto dump = FromHex(recorded::kSocketDump4);
  wire::UseRecord use;
  const auto messages = Messages(dump);
  REQUIRE(wire::DecodeBoundSocket(messages[0], wire::UseKind::kTcpListener, use));
  CHECK(use.address == wire::Mapped({0, 0, 0, 0}));
  CHECK(use.port == 2525);
  CHECK(use.where != 0);
  const auto links = FromHex(recorded::kLinkDump);
  CHECK_FALSE(wire::DecodeBoundSocket(Messages(links)[0], wire::UseKind::kUdpSocket, use));
}

}  // namespace holdfast
