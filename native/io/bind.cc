#include "bind.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace holdfast::io {

namespace {

bool Enable(int fd, int level, int option) {
  const int on = 1;
  return setsockopt(fd, level, option, &on, sizeof on) == 0;
}

template <typename Address>
int Bind(int fd, const Address& address) {
  return bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address);
}

int BindTo(int fd, const EndpointRecord& endpoint) {
  if (wire::IsIpv4(endpoint.address)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(endpoint.port);
    std::memcpy(&address.sin_addr, wire::LastFour(endpoint.address).data(), sizeof address.sin_addr);
    return Bind(fd, address);
  }
  sockaddr_in6 address{};
  address.sin6_family = AF_INET6;
  address.sin6_port = htons(endpoint.port);
  std::memcpy(&address.sin6_addr, endpoint.address.data(), sizeof address.sin6_addr);
  return Bind(fd, address);
}

}  // namespace

int BindAhead(const EndpointRecord& endpoint, UniqueFd& out) noexcept {
  const bool ipv4 = wire::IsIpv4(endpoint.address);
  UniqueFd fd(socket(ipv4 ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (fd.get() < 0 || !Enable(fd.get(), SOL_SOCKET, SO_REUSEADDR)) return -errno;
  if (ipv4 ? !Enable(fd.get(), IPPROTO_IP, IP_FREEBIND)
           : !Enable(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY) || !Enable(fd.get(), IPPROTO_IPV6, IPV6_FREEBIND))
    return -errno;
  if (BindTo(fd.get(), endpoint) < 0) return -errno;
  out = std::move(fd);
  return 0;
}

}  // namespace holdfast::io
