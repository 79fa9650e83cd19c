/* Gives the files of one folder. Asked for a name, it answers with size and MD5 on a line, then the file.
 *	file_server FOLDER [URL] */
#include <inttypes.h>
#include <openssl/evp.h>
#include <pier.h>

static int md5_of(int fd, char hex[33])
{
	unsigned char chunk[16384], digest[16];
	EVP_MD_CTX *sum = EVP_MD_CTX_new(); /* hashlib.md5() */
	int64_t at = 0;
	ssize_t n;

	EVP_DigestInit_ex(sum, EVP_md5(), NULL);
	for (; (n = pier_file_read(fd, chunk, sizeof chunk, at)) > 0; at += n)
		EVP_DigestUpdate(sum, chunk, (size_t)n);
	EVP_DigestFinal_ex(sum, digest, NULL);
	EVP_MD_CTX_free(sum);
	for (int i = 0; i < 16; i++)
		snprintf(hex + 2 * i, 3, "%02x", digest[i]); /* .hexdigest() */
	return (int)n;
}

static void give(pier_conn *c, void *folder)
{
	char name[256], md5[33];
	pier_file_info info = {0};

	if (pier_gets(c, name, sizeof name) <= 0) /* name = f.readline() */
		return;
	int fd = pier_file_open(folder, name, PIER_READ), err = fd; /* never outside the folder */
	if (err >= 0)
		err = pier_file_fstat(fd, &info); /* os.path.getsize(name) */
	if (err >= 0)
		err = md5_of(fd, md5);
	if (err < 0) {
		pier_printf(c, "-1 %s\n", pier_strerror(err));
	} else {
		pier_printf(c, "%" PRId64 " %s\n", info.size, md5);
		pier_sendfile_fd(c, fd, 0, info.size); /* s.sendfile(f) */
	}
	if (fd >= 0)
		pier_file_close(fd);
}

int main(int argc, char **argv)
{
	pier_dir *folder = NULL;

	if (argc < 2)
		return fprintf(stderr, "usage: file_server FOLDER [URL]\n"), 2;
	int err = pier_dir_open(argv[1], false, &folder);
	if (err < 0)
		return fprintf(stderr, "%s: %s\n", argv[1], pier_strerror(err)), 1;

	err = pier_serve(argc > 2 ? argv[2] : "tcp://:7004", give, .arg = folder,
			 .idle = PIER_S(30));
	pier_dir_close(folder);
	return err != 0;
}
