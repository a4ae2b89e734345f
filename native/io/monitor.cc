#include "monitor.h"

#include <linux/rtnetlink.h>
#include <poll.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <cerrno>
#include <utility>
#include <vector>

#include "dumps.h"
#include "neighbours.h"

namespace holdfast::io {

namespace {

constexpr int kGroups[] = {RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR, RTNLGRP_IPV4_ROUTE,
                           RTNLGRP_IPV6_ROUTE};
constexpr int kNeighbourGroup[] = {RTNLGRP_NEIGH};
/* The kernel tells that an address has gone before it flushes the routes that go along. */
constexpr std::chrono::milliseconds kSettle{50};
constexpr std::chrono::milliseconds kRetry{200};
/* So many changes of a dump go into the table before somebody who asks gets his turn: well under 1 ms. */
constexpr size_t kSlice = 512;

int Dump(std::vector<wire::LinkRecord>& links, std::vector<wire::AddressRecord>& addresses) noexcept {
  if (const int error = ListLinks(links); error < 0) return error;
  return ListAddresses({}, addresses);
}

}  // namespace

int Monitor::Open(int receive_bytes, bool with_neighbours) noexcept {
  with_neighbours_ = with_neighbours;
  wake_ = UniqueFd(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (wake_.get() < 0) return -errno;
  if (const int error = socket_.Open(); error < 0) return error;
  if (const int error = socket_.Subscribe(kGroups, receive_bytes); error < 0) return error;
  if (with_neighbours)
    if (const int error = socket_.Subscribe(kNeighbourGroup, receive_bytes); error < 0) return error;
  if (const int error = Resync(); error < 0) return error;
  watched_.Forget();
  resyncs_ = 0;
  return 0;
}

void Monitor::Run(const std::function<void()>& on_news) noexcept {
  while (WaitForNews()) {
    ReadNews(on_news);
    if (!resync_at_ || Clock::now() < *resync_at_) continue;
    resync_at_.reset();
    if (Resync() < 0) resync_at_ = Clock::now() + kRetry;
    on_news();
  }
}

void Monitor::Stop() noexcept {
  stopping_ = true;
  eventfd_write(wake_.get(), 1);
}

bool Monitor::WaitForNews() noexcept {
  int wait_ms = -1;
  if (resync_at_) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(*resync_at_ - Clock::now());
    wait_ms = static_cast<int>(std::max<int64_t>(0, left.count()));
  }
  pollfd fds[] = {{socket_.fd(), POLLIN, 0}, {wake_.get(), POLLIN, 0}};
  poll(fds, std::size(fds), wait_ms);
  return !stopping_;
}

void Monitor::ReadNews(const std::function<void()>& on_news) noexcept {
  bool lost = false;
  while (!stopping_) {
    wire::Bytes datagram;
    const int error = socket_.Receive(datagram, false);
    if (error == -EAGAIN) break;
    if (error < 0) {
      /* -ENOBUFS. The kernel keeps back all further notifications until the queue has been read to its end
       * (NETLINK_S_CONGESTED in af_netlink.c). What is still in it is older than the gap, so the dump comes after it. */
      lost = true;
      continue;
    }
    TakeIn(datagram);
    on_news();
  }
  const std::scoped_lock lock(mutex_);
  if (lost) resync_at_ = Clock::now();
  if (watched_.TakeStale() && !resync_at_) resync_at_ = Clock::now() + kSettle;
}

void Monitor::TakeIn(wire::Bytes datagram) noexcept {
  const std::scoped_lock lock(mutex_);
  wire::MessageReader reader(datagram);
  for (wire::Message message; reader.Next(message);) {
    if (wire::AddressChange address; wire::DecodeAddressChange(message, address))
      watched_.Apply(address);
    else if (wire::LinkChange link; wire::DecodeLinkChange(message, link))
      watched_.Apply(link);
    else if (wire::NeighbourChange neighbour; wire::DecodeNeighbourChange(message, neighbour))
      watched_.Apply(neighbour);
  }
}

int Monitor::Resync() noexcept {
  std::vector<wire::LinkRecord> links;
  std::vector<wire::AddressRecord> addresses;
  std::vector<wire::NeighbourRecord> neighbours;
  if (const int error = Dump(links, addresses); error < 0) return error;
  if (with_neighbours_)
    if (const int error = ListNeighbours(0, neighbours); error < 0) return error;
  /* No lock: nobody but this thread changes the tables. */
  const auto link_changes = watched_.Towards(links);
  const auto neighbour_changes = watched_.Towards(neighbours);
  const auto address_changes = watched_.Towards(std::move(addresses));
  ApplyInSlices(address_changes);
  ApplyInSlices(link_changes);
  ApplyInSlices(neighbour_changes);
  const std::scoped_lock lock(mutex_);
  watched_.TakeStale(); /* the dump has made up for it */
  resyncs_++;
  return 0;
}

template <typename Change>
void Monitor::ApplyInSlices(const std::vector<Change>& changes) noexcept {
  for (size_t i = 0; i < changes.size();) {
    const std::scoped_lock lock(mutex_);
    for (const size_t end = std::min(i + kSlice, changes.size()); i < end; i++) watched_.Apply(changes[i]);
  }
}

bool Monitor::Has(const wire::AddressRecord& address) noexcept {
  const std::scoped_lock lock(mutex_);
  return watched_.Has(address);
}

Monitor::News Monitor::Take(size_t most) noexcept {
  const std::scoped_lock lock(mutex_);
  News news{watched_.Take(most), resyncs_, false};
  news.more = watched_.HasChanges();
  return news;
}

}  // namespace holdfast::io
