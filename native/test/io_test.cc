/* The system calls of io/, as far as they go without privilege and without changing the host. test/kernel has the rest. */
#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <thread>

#include "../io/dumps.h"
#include "../io/bind.h"
#include "../io/plumber.h"
#include "../io/sockets.h"
#include "../io/tags.h"
#include "../io/tickle.h"
#include "../io/uses.h"
#include "../io/unique_fd.h"

namespace holdfast {

namespace {

/* Interface indices are given out from 1 up; no host comes to this one. */
constexpr uint32_t kNoInterface = INT32_MAX;

std::vector<wire::AddressRecord> OnNoInterface(uint8_t count) {
  std::vector<wire::AddressRecord> records;
  for (uint8_t i = 0; i < count; i++) records.push_back({4, 32, 0, 0, kNoInterface, {198, 51, 100, i}});
  return records;
}

io::PlumbOutcome Add(const std::vector<wire::AddressRecord>& records, int receive_bytes = 4 << 20) {
  io::BatchControl control;
  return io::Plumb(io::Operation::kAdd, 104, records, control, {}, receive_bytes);
}

bool AllRefused(const io::PlumbOutcome& outcome) {
  return outcome.error == 0 && std::ranges::all_of(outcome.statuses, [](int32_t status) {
           return status == -ENODEV || status == -EPERM; /* as root, or not */
         });
}

/* Of the loopback network, and of this process alone: others test at the same time. */
wire::IpAddress OwnLoopback() {
  const auto pid = static_cast<uint32_t>(getpid());
  return wire::Mapped({127, static_cast<uint8_t>(64 + (pid >> 16) % 64), static_cast<uint8_t>(pid >> 8), static_cast<uint8_t>(pid)});
}

/* A connection from and to that address, as long as it lives. */
struct Connected {
  io::UniqueFd listener{socket(AF_INET, SOCK_STREAM, 0)};
  io::UniqueFd client{socket(AF_INET, SOCK_STREAM, 0)};

  Connected() {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    std::memcpy(&address.sin_addr, wire::LastFour(OwnLoopback()).data(), sizeof address.sin_addr);
    auto* const any = reinterpret_cast<sockaddr*>(&address);
    socklen_t size = sizeof address;
    REQUIRE(bind(client.get(), any, size) == 0);
    REQUIRE(bind(listener.get(), any, size) == 0);
    REQUIRE(listen(listener.get(), 1) == 0);
    REQUIRE(getsockname(listener.get(), any, &size) == 0);
    REQUIRE(connect(client.get(), any, size) == 0);
  }
};

}  // namespace

TEST_CASE("connections are listed without privilege, both ends of one that has both here") {
  const Connected connected;
  std::vector<wire::ConnectionRecord> found;
  REQUIRE(io::ListConnections(wire::AddressSet({OwnLoopback()}), found) == 0);
  REQUIRE(found.size() == 2);
  CHECK(found[0].local == OwnLoopback());
  CHECK(found[0].local_port == found[1].remote_port);
  CHECK(std::ranges::all_of(found, wire::IsConnection));
}

TEST_CASE("what this process has bound is no use by others") {
  const Connected connected;
  std::vector<wire::UseRecord> uses;
  REQUIRE(io::ListUses(wire::AddressSet({OwnLoopback()}), 100, uses) == 0);
  CHECK(uses.empty());
}

TEST_CASE("whether the kernel keeps tags is told, with privilege or without, and nothing is added for it") {
  std::vector<wire::AddressRecord> before;
  std::vector<wire::AddressRecord> after;
  bool keeps = false;
  REQUIRE(io::ListAddresses({}, before) == 0);
  REQUIRE(io::KeepsTags(keeps) == 0);
  REQUIRE(io::ListAddresses({}, after) == 0);
  CHECK(keeps); /* nobody tests on a kernel before 5.18 */
  CHECK(before.size() == after.size());
}

TEST_CASE("connections are closed, or it is told that this is not allowed") {
  const Connected connected;
  const auto outcome = io::KillSockets(wire::AddressSet({OwnLoopback()}), false);
  CHECK(outcome.error == 0);
  const auto refused = outcome.failed.find(-EPERM);
  CHECK(outcome.closed + (refused == outcome.failed.end() ? 0 : refused->second) > 0);
}

TEST_CASE("a socket is bound to an address that the host does not have, unless another listens there") {
  for (const wire::IpAddress& nowhere :
       {wire::Mapped({192, 0, 2, 1}), wire::IpAddress{0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}}) {
    io::UniqueFd first;
    REQUIRE(io::BindAhead({nowhere, 0}, first) == 0);
    sockaddr_storage bound;
    socklen_t size = sizeof bound;
    REQUIRE(getsockname(first.get(), reinterpret_cast<sockaddr*>(&bound), &size) == 0);
    const uint16_t port = ntohs(reinterpret_cast<sockaddr_in*>(&bound)->sin_port); /* at the same place in sockaddr_in6 */
    io::UniqueFd second;
    CHECK(io::BindAhead({nowhere, port}, second) == 0);
    REQUIRE(listen(first.get(), 1) == 0);
    io::UniqueFd third;
    CHECK(io::BindAhead({nowhere, port}, third) == -EADDRINUSE);
    CHECK(third.get() < 0);
  }
}

TEST_CASE("every tickle is sent, or it is told that it is not") {
  const std::vector<wire::ConnectionRecord> connections(100, {OwnLoopback(), OwnLoopback(), 1, 2});
  const auto outcome = io::Tickle(connections);
  CHECK(outcome.sent + outcome.failed == connections.size() * io::kTickles);
  CHECK(outcome.failed == (outcome.first_error == 0 ? 0 : connections.size() * io::kTickles));
  CHECK(io::Tickle({}).sent == 0);
}

TEST_CASE("the loopback interface and its address are listed without privilege") {
  std::vector<wire::LinkRecord> links;
  REQUIRE(io::ListLinks(links) == 0);
  CHECK(std::ranges::any_of(links, [](const auto& link) { return link.index == 1 && link.name == "lo"; }));
  std::vector<wire::AddressRecord> addresses;
  REQUIRE(io::ListAddresses({}, addresses) == 0);
  CHECK(std::ranges::all_of(addresses, wire::IsPlumbable));
}

TEST_CASE("a batch of nothing is done") { CHECK(Add({}).error == 0); }

TEST_CASE("each address of a batch that the kernel refuses has its own status") {
  const auto records = OnNoInterface(250);
  const auto outcome = Add(records);
  CHECK(outcome.statuses.size() == records.size());
  CHECK(AllRefused(outcome));
  CHECK(outcome.texts.size() == 1);
}

TEST_CASE("each address has its status even where answers are dropped for want of room") {
  const auto records = OnNoInterface(250);
  const auto outcome = Add(records, 1); /* the kernel makes it its least, which takes three answers */
  CHECK(outcome.statuses.size() == records.size());
  CHECK(AllRefused(outcome));
}

TEST_CASE("a batch that was cancelled asks for nothing, and says of how many it knows") {
  const auto records = OnNoInterface(250);
  io::BatchControl control;
  control.cancelled = true;
  const auto outcome = io::Plumb(io::Operation::kAdd, 104, records, control);
  CHECK(std::ranges::all_of(outcome.statuses, [](int32_t status) { return status == -ECANCELED; }));
  CHECK(control.done == 0);
  control.cancelled = false;
  io::Plumb(io::Operation::kAdd, 104, records, control);
  CHECK(control.done == records.size());
}

TEST_CASE("calls on several threads do not disturb each other") {
  const auto records = OnNoInterface(250);
  std::array<io::PlumbOutcome, 4> outcomes;
  std::array<std::vector<wire::AddressRecord>, 4> listings;
  {
    std::vector<std::jthread> threads;
    for (auto& outcome : outcomes)
      threads.emplace_back([&] { outcome = Add(records); });
    for (auto& listing : listings) threads.emplace_back([&] { io::ListAddresses({}, listing); });
  }
  CHECK(std::ranges::all_of(outcomes, AllRefused));
  CHECK(std::ranges::none_of(listings, [](const auto& listing) { return listing.empty(); }));
}

}  // namespace holdfast
