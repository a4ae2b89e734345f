#include "../wire/diag.h"

#include <doctest/doctest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "bytes.h"
#include "recorded.h"

namespace holdfast {

static std::vector<wire::SocketRecord> Sockets(std::string_view dump) {
  const auto bytes = FromHex(dump);
  std::vector<wire::SocketRecord> sockets;
  for (const wire::Message& message : Messages(bytes))
    if (wire::SocketRecord socket; wire::DecodeSocket(message, socket)) sockets.push_back(socket);
  return sockets;
}

TEST_CASE("a dump of IPv4 sockets gives each with both ends, but no TIME_WAIT") {
  const auto sockets = Sockets(recorded::kSocketDump4);
  REQUIRE(sockets.size() == 3);
  CHECK(sockets[0].ends.local == wire::Mapped({0, 0, 0, 0}));
  CHECK(sockets[0].ends.local_port == 2525);
  CHECK(sockets[1].ends.local == wire::Mapped({10, 1, 1, 1}));
  CHECK(sockets[1].ends.remote == wire::Mapped({10, 1, 1, 1}));
  CHECK(sockets[1].ends.local_port == 2525);
  CHECK(sockets[1].ends.remote_port == sockets[2].ends.local_port);
  CHECK(sockets[2].ends.remote_port == 2525);
}

TEST_CASE("a dump of IPv6 sockets gives those that talk IPv4 too, with IPv4-mapped addresses") {
  const auto sockets = Sockets(recorded::kSocketDump6);
  REQUIRE(sockets.size() == 4);
  CHECK(sockets[0].ends.local == wire::IpAddress{});
  CHECK(sockets[1].ends.local == wire::IpAddress{0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1});
  CHECK(sockets[1].ends.local == sockets[3].ends.remote);
  CHECK(sockets[2].ends.local == wire::Mapped({10, 1, 1, 9}));
  CHECK(sockets[2].ends.local_port == 2526);
}

TEST_CASE("what is no socket, or is cut short, is none") {
  auto bytes = FromHex(recorded::kSocketDump4);
  wire::SocketRecord socket;
  wire::Message message = Messages(bytes)[0];
  message.payload = message.payload.first(sizeof(inet_diag_msg) - 1);
  CHECK_FALSE(wire::DecodeSocket(message, socket));
  bytes[sizeof(nlmsghdr)] = AF_UNIX;
  CHECK_FALSE(wire::DecodeSocket(Messages(bytes)[0], socket));
  bytes = FromHex(recorded::kLinkDump);
  CHECK_FALSE(wire::DecodeSocket(Messages(bytes)[0], socket));
}

TEST_CASE("a socket is closed by the request that ss -K makes") {
  const auto wanted = FromHex(recorded::kDestroy);
  std::vector<uint8_t> bytes;
  wire::AppendDestroy(bytes, Messages(wanted)[0].seq, Sockets(recorded::kSocketDump4)[1], IPPROTO_TCP);
  CHECK(ToHex(bytes) == recorded::kDestroy);
}

TEST_CASE("a dump asks for one family, one protocol and some states") {
  std::vector<uint8_t> bytes;
  wire::AppendSocketDump(bytes, 7, AF_INET, IPPROTO_TCP, wire::StateBit(TCP_ESTABLISHED));
  CHECK(ToHex(bytes) == "48000000140001030700000000000000" "0206000002000000" + std::string(96, '0'));
}

TEST_CASE("a set of addresses has those that it was made of, in whatever order") {
  const wire::IpAddress ipv6{0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
  const wire::AddressSet both({wire::Mapped({10, 1, 1, 2}), ipv6, wire::Mapped({10, 1, 1, 1}), wire::Mapped({10, 1, 1, 2})});
  CHECK(both.Has(wire::Mapped({10, 1, 1, 1})));
  CHECK(both.Has(wire::Mapped({10, 1, 1, 2})));
  CHECK(both.Has(ipv6));
  CHECK_FALSE(both.Has(wire::Mapped({10, 1, 1, 3})));
  CHECK_FALSE(both.Has(wire::IpAddress{}));
  CHECK(both.HasIpv4());
  CHECK_FALSE(wire::AddressSet({ipv6}).HasIpv4());
  CHECK_FALSE(wire::AddressSet({}).Has(ipv6));
}

}  // namespace holdfast
