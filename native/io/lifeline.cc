#include "lifeline.h"

#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <cerrno>
#include <utility>

namespace holdfast::io {

LifelineOutcome OpenLifeline(const std::string& name) noexcept {
  LifelineOutcome outcome;
  const auto failed = [&outcome](const char* call) {
    outcome.error = -errno;
    outcome.call = call;
    return std::move(outcome);
  };
  UniqueFd tun(open("/dev/net/tun", O_RDWR | O_CLOEXEC));
  if (tun.get() < 0) return failed("open /dev/net/tun");

  ifreq request{};
  name.copy(request.ifr_name, IFNAMSIZ - 1);
  /* TUN_EXCL: never take over a device that exists, which might be a persistent one. */
  request.ifr_flags = static_cast<short>(IFF_TUN | IFF_NO_PI | IFF_TUN_EXCL);
  if (ioctl(tun.get(), TUNSETIFF, &request) < 0) return failed("ioctl TUNSETIFF");

  UniqueFd control(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (control.get() < 0) return failed("socket AF_INET");
  if (ioctl(control.get(), SIOCGIFINDEX, &request) < 0) return failed("ioctl SIOCGIFINDEX");
  outcome.ifindex = static_cast<uint32_t>(request.ifr_ifindex);
  if (ioctl(control.get(), SIOCGIFFLAGS, &request) < 0) return failed("ioctl SIOCGIFFLAGS");
  request.ifr_flags = static_cast<short>(request.ifr_flags | IFF_UP);
  if (ioctl(control.get(), SIOCSIFFLAGS, &request) < 0) return failed("ioctl SIOCSIFFLAGS");

  outcome.fd = std::move(tun);
  return outcome;
}

}  // namespace holdfast::io
