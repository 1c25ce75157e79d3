#include "io/error.h"

#include <cerrno>

namespace zonesweep::io {

Error error_from_errno(int value) noexcept {
  switch (value) {
    case 0: return Error::none;
    case ECONNREFUSED: return Error::refused;
    case EHOSTUNREACH:
    case ENETUNREACH:
    case ENETDOWN:
    case EHOSTDOWN:
    case ENONET:
    case EADDRNOTAVAIL: return Error::unreachable;
    case EACCES:
    case EPERM: return Error::denied;
    case ECONNRESET:
    case ECONNABORTED:
    case ENETRESET:
    case EPIPE: return Error::reset;
    case ETIMEDOUT: return Error::timed_out;
    case EAGAIN:
    case ENOBUFS:
    case ENOMEM: return Error::overload;
    case EMSGSIZE: return Error::too_large;
    case EMFILE:
    case ENFILE: return Error::no_files;
    case ECANCELED: return Error::cancelled;
    case EINVAL:
    case EOPNOTSUPP:
    case ENOSYS:
    case EAFNOSUPPORT:
    case EPROTONOSUPPORT: return Error::unsupported;
    default: return Error::other;
  }
}

std::string_view name_of(Error error) noexcept {
  switch (error) {
    case Error::none: return "none";
    case Error::refused: return "refused";
    case Error::unreachable: return "unreachable";
    case Error::denied: return "denied";
    case Error::reset: return "reset";
    case Error::timed_out: return "timed_out";
    case Error::overload: return "overload";
    case Error::too_large: return "too_large";
    case Error::no_files: return "no_files";
    case Error::cancelled: return "cancelled";
    case Error::unsupported: return "unsupported";
    case Error::other: return "other";
  }
  return "other";
}

}  // namespace zonesweep::io
