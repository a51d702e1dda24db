// SPDX-License-Identifier: Apache-2.0
// The bodies of Boost.Asio, its SSL part and Boost.Beast: compiled here and nowhere else.
#include <boost/asio/impl/src.hpp>
#include <boost/asio/ssl/impl/src.hpp>
#include <boost/beast/src.hpp>
