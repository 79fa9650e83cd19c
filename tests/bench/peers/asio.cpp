// Boost.Asio: callbacks, one thread, as the echo server of its examples. asio echo|idle|stream|udp PORT
#include <boost/asio.hpp>

#include <cstring>
#include <memory>
#include <vector>

using boost::asio::ip::tcp;
using boost::asio::ip::udp;
using failure = boost::system::error_code;

static char block[65536];

struct session : std::enable_shared_from_this<session> {
	tcp::socket socket;
	std::vector<char> buf;

	session(tcp::socket s, std::size_t size) : socket(std::move(s)), buf(size)
	{
		socket.set_option(tcp::no_delay(true));
	}

	void read()
	{
		socket.async_read_some(boost::asio::buffer(buf),
				       [self = shared_from_this()](failure err, std::size_t n) {
					       if (!err)
						       self->write(n);
				       });
	}

	void write(std::size_t n)
	{
		boost::asio::async_write(socket, boost::asio::buffer(buf.data(), n),
					 [self = shared_from_this()](failure err, std::size_t) {
						 if (!err)
							 self->read();
					 });
	}

	void stream()
	{
		boost::asio::async_write(socket, boost::asio::buffer(block),
					 [self = shared_from_this()](failure err, std::size_t) {
						 if (!err)
							 self->stream();
					 });
	}
};

struct server {
	tcp::acceptor acceptor;
	bool streams;
	std::size_t size;

	void accept()
	{
		acceptor.async_accept([this](failure err, tcp::socket socket) {
			if (!err) {
				auto s = std::make_shared<session>(std::move(socket), size);
				streams ? s->stream() : s->read();
			}
			accept();
		});
	}
};

struct datagrams {
	udp::socket socket;
	udp::endpoint from;
	char buf[65536];

	void read()
	{
		socket.async_receive_from(boost::asio::buffer(buf), from, [this](failure err, std::size_t n) {
			if (err)
				return read();
			socket.async_send_to(boost::asio::buffer(buf, n), from,
					     [this](failure, std::size_t) { read(); });
		});
	}
};

int main(int argc, char **argv)
{
	if (argc != 3)
		return 2;
	boost::asio::io_context loop(1);
	auto host = boost::asio::ip::make_address("127.0.0.1");
	auto port = static_cast<unsigned short>(std::stoul(argv[2]));
	std::size_t size = std::strcmp(argv[1], "idle") == 0 ? 4096 : 16384;

	for (unsigned i = 0; i < sizeof block; i++)
		block[i] = static_cast<char>(i * 31 + (i >> 8) * 17);
	if (std::strcmp(argv[1], "udp") == 0) {
		auto d = std::make_unique<datagrams>(datagrams{udp::socket(loop, {host, port}), {}, {}});
		d->read();
		loop.run();
	} else {
		server s{tcp::acceptor(loop, {host, port}), std::strcmp(argv[1], "stream") == 0, size};
		s.accept();
		loop.run();
	}
}
