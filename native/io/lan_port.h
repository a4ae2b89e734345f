#pragma once
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <span>
#include <vector>

#include "../wire/lan_table.h"
#include "unique_fd.h"

namespace holdfast::io {

/* Hears ARP and neighbour discovery on one interface, answers for addresses of ours where the kernel does not, and notes who
 * else uses them.
 *
 *   Open(), Run()         one reader thread
 *   Own() .. Take()       any thread; wait for the reader at most as long as one frame takes
 *   Stop()                any thread; waits for nobody */
class LanPort {
 public:
  /* -EPERM without CAP_NET_RAW, -ENODEV for an interface that is not there. 0 or -errno. */
  int Open(uint32_t ifindex, const wire::Mac& mac) noexcept;

  /* Reads until Stop(). Calls `on_news` when there is something to take: at once, but no more often than every 50 ms, however
   * many frames come. */
  void Run(const std::function<void()>& on_news) noexcept;
  void Stop() noexcept;

  void Own(std::span<const wire::IpAddress> addresses, bool on_link) noexcept;
  /* Once it has returned, no answer for them is sent any more. */
  void Disown(std::span<const wire::IpAddress> addresses) noexcept;
  void Seek(std::span<const wire::IpAddress> addresses) noexcept;
  void Forsake(std::span<const wire::IpAddress> addresses) noexcept;

  struct News {
    std::vector<wire::Sighting> sightings;
    bool more = false;
  };
  /* At most `most` sightings; the rest with the next call. */
  News Take(size_t most) noexcept;

  /* Frames sent since Open(). */
  uint32_t answers() const noexcept { return answers_; }

 private:
  using Clock = std::chrono::steady_clock;

  /* @returns false where nothing is left to be read. */
  bool ReadFrame(int fd) noexcept;
  /* All that had arrived has been read. @returns whether there is something to take. */
  bool Drained() noexcept;
  void WaitForFrames() noexcept;
  void Send(wire::Bytes frame, uint16_t protocol) noexcept;
  wire::LanTable::Moment Now() const noexcept;
  int ArpIgnore() noexcept;

  uint32_t ifindex_ = 0;
  UniqueFd arp_;
  UniqueFd ndp_;
  UniqueFd wake_;
  std::atomic<bool> stopping_ = false;
  bool has_news_ = false;                /* reader thread only, with the three that follow */
  Clock::time_point news_at_{};          /* not before */
  int arp_ignore_ = 0;
  Clock::time_point arp_ignore_until_{};
  std::mutex mutex_; /* guards what follows */
  wire::LanTable table_{wire::Mac{}};
  uint32_t drains_ = 0;
  std::atomic<uint32_t> answers_ = 0;
};

}  // namespace holdfast::io
