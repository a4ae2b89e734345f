#pragma once
#include <atomic>
#include <chrono>
#include <cstddef>
#include <functional>
#include <mutex>
#include <optional>

#include "../wire/watched.h"
#include "netlink_socket.h"
#include "unique_fd.h"

namespace holdfast::io {

/* The links, addresses and, where wanted, neighbours of this network namespace, kept true by what the kernel tells. Like
 * `ip monitor link address route neigh`, with a table beside it.
 *
 *   Open(), Run()         one reader thread, which may block: a dump waits for the kernel
 *   Has(), Take()         any thread; wait for the reader at most as long as one datagram takes
 *   Stop()                any thread; waits for nobody */
class Monitor {
 public:
  /* Subscribes, then dumps: what comes in between is told twice, never missed. 0 or -errno. */
  int Open(int receive_bytes, bool with_neighbours) noexcept;

  /* Reads until Stop(). Calls `on_news` when there is something to take; again and again while nobody takes it. */
  void Run(const std::function<void()>& on_news) noexcept;
  void Stop() noexcept;

  bool Has(const wire::AddressRecord& address) noexcept;

  struct News {
    wire::Changes changes;
    unsigned resyncs = 0; /* dumps since Open() that made up for what was not told */
    bool more = false;
  };
  /* At most `most` addresses and as many neighbours; the rest with the next call. */
  News Take(size_t most) noexcept;

 private:
  using Clock = std::chrono::steady_clock;

  bool WaitForNews() noexcept;
  void ReadNews(const std::function<void()>& on_news) noexcept;
  void TakeIn(wire::Bytes datagram) noexcept;
  int Resync() noexcept;
  template <typename Change>
  void ApplyInSlices(const std::vector<Change>& changes) noexcept;

  NetlinkSocket socket_;
  bool with_neighbours_ = false;
  UniqueFd wake_;
  std::atomic<bool> stopping_ = false;
  std::optional<Clock::time_point> resync_at_; /* reader thread only */
  std::mutex mutex_;                           /* guards what follows; only the reader thread changes the tables */
  wire::Watched watched_;
  unsigned resyncs_ = 0;
};

}  // namespace holdfast::io
