/* Gives the files of one folder. Asked for a name, it answers with size and MD5 on a line, then the file.
 *	file_server FOLDER [URL] */
#include <inttypes.h>
#include <pier.h>

static void give(pier_conn *c, void *folder)
{
	char name[256], md5[PIER_DIGEST_TEXT];
	pier_file_info info;

	if (pier_gets(c, name, sizeof name) <= 0) /* name = f.readline() */
		return;
	/* with open(name, "rb") as f: but never outside the folder */
	PIER_AUTO_FILE f = pier_file_open(folder, name, PIER_READ);
	int err = f < 0 ? f : pier_file_fstat(f, &info); /* os.fstat(f.fileno()) */
	if (err == 0)
		err = pier_file_digest(f, "md5",
				       md5); /* hashlib.file_digest(f, "md5").hexdigest() */
	if (err < 0)
		pier_printf(c, "-1 %s\n", pier_strerror(err)); /* except OSError as e: */
	else if (pier_printf(c, "%" PRId64 " %s\n", info.size, md5) > 0)
		pier_sendfile_fd(c, f, 0, info.size); /* s.sendfile(f) */
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
