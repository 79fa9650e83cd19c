/* All that the hub says, in both languages. Each is a format whose arguments the compiler checks
 * against both. The login dialogue in Chinese is that of the teaching texts, byte for byte. */
#ifndef HUB_SENTENCES_H
#define HUB_SENTENCES_H

#include "words.h"

#define IN(lang, en, zh) ((lang) == HUB_ZH ? zh : en)

/* ---- Why it does not start: told to whoever runs the hub ------------------------------------ */
#define WHY_HELD(l)                                                                                \
	IN(l,                                                                                      \
	   "%s is in use by another hub; stop that one, or choose another folder: pier serve DIR", \
	   "%s 正被另一个服务器使用：请先停止它，或换一个文件夹：pier serve DIR")
#define WHY_NO_SPACE(l)                                                                            \
	IN(l, "%s: %s; make room there, or choose another folder: pier serve DIR",                 \
	   "%s：%s，请清出空间，或换一个文件夹：pier serve DIR")
#define WHY_NO_FOLDER(l)                                                                           \
	IN(l, "%s cannot be used: %s; choose a folder that you may write: pier serve DIR",         \
	   "无法使用 %s：%s，请换一个可写的文件夹：pier serve DIR")
#define WHY_NO_STREAM(l)                                                                           \
	IN(l, "%s: the hub needs a stream: tcp://ADDRESS:PORT or unix:/PATH",                      \
	   "%s：服务器需要流式连接：tcp://地址:端口 或 unix:/路径")
#define WHY_LINE_MAX(l) IN(l, "a line can have at most %d bytes", "一行最多 %d 字节")
#define WHY_HISTORY_MAX(l)                                                                         \
	IN(l, "at most %d lines can be shown on joining", "进入房间时最多显示 %d 行")

/* ---- Logging in ----------------------------------------------------------------------------- */
#define SAY_OPEN(l)                                                                                \
	IN(l, "Welcome. New here? Type: /register NAME\n", "欢迎。新用户请输入：/register 用户名\n")
#define SAY_ASK_NAME(l)	     IN(l, "User name: ", "请输入用户名:")
#define SAY_ASK_PASSWORD(l)  IN(l, "Password: ", "请输入密码:")
#define SAY_LOG_IN_FIRST(l)  IN(l, "Log in first.\n", "请先登录。\n")
#define SAY_LOGGED_IN(l)     IN(l, "Logged in.\n", "登录成功\n")
#define SAY_WRONG(l)	     IN(l, "Wrong user name or password.\n", "用户名或密码输入错误\n")
#define SAY_NO_MORE_TRIES(l) IN(l, "Too many tries. Bye.\n", "尝试次数过多，再见。\n")
#define SAY_BRAKED(l)                                                                              \
	IN(l, "Too many failed logins lately. Wait a minute, then try again.\n",                   \
	   "近期登录失败次数过多，请一分钟后再试。\n")
#define SAY_LOGIN_BUSY(l)                                                                          \
	IN(l, "Too many people are logging in at once. Try again in a moment.\n",                  \
	   "同时登录的人太多，请稍后再试。\n")
#define SAY_LOGIN_FAULT(l)                                                                         \
	IN(l, "The hub cannot check passwords now (%s). Tell whoever runs it.\n",                  \
	   "服务器现在无法验证密码（%s），请联系管理员。\n")
#define SAY_TOO_SLOW(l) IN(l, "\nThat took too long. Bye.\n", "\n等待超时，再见。\n")

/* ---- Registering ---------------------------------------------------------------------------- */
#define SAY_CLOSED(l)                                                                              \
	IN(l, "No registration here. Ask whoever runs the hub: pier user add NAME\n",              \
	   "本服务器不开放注册，请联系管理员：pier user add 用户名\n")
#define SAY_REGISTER_HOW(l) IN(l, "Type: /register NAME\n", "请输入：/register 用户名\n")
#define SAY_BAD_NAME(l)                                                                            \
	IN(l, "\"%s\" cannot be a name: 1 to 32 bytes, no spaces, none of / @ : ,\n",              \
	   "“%s”不能用作用户名：1 到 32 字节，不含空格和 / @ : ,\n")
#define SAY_NAME_TAKEN(l)                                                                          \
	IN(l, "\"%s\" is taken. Choose another name.\n", "用户名“%s”已被使用，请另选一个。\n")
#define SAY_NEW_PASSWORD(l) IN(l, "Choose a password: ", "请设置密码:")
#define SAY_AGAIN(l)	    IN(l, "The same again: ", "请再次输入密码:")
#define SAY_DIFFERENT(l)                                                                           \
	IN(l, "The two differ. Start again.\n", "两次输入的密码不一致，请重新开始。\n")
#define SAY_BAD_PASSWORD(l)                                                                        \
	IN(l, "A password has %d to %d bytes.\n", "密码长度为 %d 到 %d 字节。\n")
#define SAY_MANY_NEW(l)                                                                            \
	IN(l, "Too many new accounts from your address lately. Try again in a minute.\n",          \
	   "您的地址近期注册过多，请一分钟后再试。\n")
#define SAY_REGISTERED(l) IN(l, "Registered.\n", "注册成功\n")

/* ---- Lines ---------------------------------------------------------------------------------- */
#define SAY_TOO_LONG(l)                                                                            \
	IN(l, "A line has at most %zu bytes. That one was not delivered.\n",                       \
	   "一行最多 %zu 字节，刚才那一行没有发出。\n")
#define SAY_NOT_UTF8(l)                                                                            \
	IN(l, "That was not UTF-8 and was not delivered. Set your terminal to UTF-8.\n",           \
	   "刚才那一行不是 UTF-8 编码，没有发出。请把终端设为 UTF-8。\n")
#define SAY_BAD_LINES(l) IN(l, "Too many such lines. Bye.\n", "这样的行太多了，再见。\n")
#define SAY_NOT_STORED(l)                                                                          \
	IN(l, "That line could not be stored (%s) and was not delivered.\n",                       \
	   "刚才那一行无法保存（%s），没有发出。\n")

/* ---- Chat ----------------------------------------------------------------------------------- */
#define SAY_LOBBY(l) IN(l, "lobby", "大厅")
#define SAY_YOU_ARE_IN(l)                                                                          \
	IN(l, "* You are in %s, %u here. /help lists the commands.\n",                             \
	   "* 你在%s，共 %u 人。输入 /help 查看命令。\n")
#define SAY_CAME(l)	IN(l, "* %s came in\n", "* %s 进来了\n")
#define SAY_LEFT(l)	IN(l, "* %s left\n", "* %s 离开了\n")
#define SAY_PRIVATE(l)	IN(l, "[private] %s: %s\n", "[私聊] %s: %s\n")
#define SAY_BYE(l)	IN(l, "Bye.\n", "再见。\n")
#define SAY_STOPPING(l) IN(l, "* The hub is going down. Bye.\n", "* 服务器即将关闭，再见。\n")
#define SAY_FULL(l)	IN(l, "Too many connections. Try again later.\n", "连接数过多，请稍后再试。\n")

/* ---- Commands ------------------------------------------------------------------------------- */
#define SAY_HELP(l)                                                                                \
	IN(l,                                                                                      \
	   "/join ROOM       go to another room, made when missing\n"                              \
	   "/rooms           the rooms, and how many are in each\n"                                \
	   "/who [ROOM]      who is here, or in another room\n"                                    \
	   "/msg NAME TEXT   a line for one person only; it is not kept\n"                         \
	   "/history [N]     the last N lines of this room\n"                                      \
	   "/quit            leave; a line with only Q does the same\n"                            \
	   "Anything else is said to the room; begin with // to say a line with a slash.\n",       \
	   "/join 房间        换到另一个房间，没有就新建\n"                         \
	   "/rooms           所有房间和人数\n"                                              \
	   "/who [房间]       这里或另一个房间有谁\n"                                  \
	   "/msg 用户名 内容   只说给一个人听，不留记录\n"                        \
	   "/history [N]     本房间最近 N 条记录\n"                                        \
	   "/quit            离开；单独一行 Q 也可以\n"                                  \
	   "其他内容都会发到房间；要发以 / 开头的一行，请以 // 开头。\n")
#define SAY_UNKNOWN(l)                                                                             \
	IN(l,                                                                                      \
	   "There is no command /%s. /help lists them; to say a line with a slash, begin with "    \
	   "//\n",                                                                                 \
	   "没有 /%s 这个命令。输入 /help 查看命令；要发以 / 开头的一行，请以 // 开头\n")
#define SAY_JOIN_HOW(l) IN(l, "Type: /join ROOM\n", "请输入：/join 房间\n")
#define SAY_BAD_ROOM(l)                                                                            \
	IN(l, "\"%s\" cannot be a room: 1 to 32 bytes, no spaces, none of / @ : ,\n",              \
	   "“%s”不能用作房间名：1 到 32 字节，不含空格和 / @ : ,\n")
#define SAY_NO_MORE_ROOMS(l)                                                                       \
	IN(l, "There are too many rooms. Join one of /rooms\n", "房间太多了，请用 /rooms 选一个\n")
#define SAY_NO_JOIN(l) IN(l, "You cannot go there now (%s).\n", "现在无法进入（%s）。\n")
#define SAY_NO_ROOM(l)                                                                             \
	IN(l, "Nobody is in a room \"%s\". /rooms lists them.\n",                                  \
	   "没有人在“%s”房间。输入 /rooms 查看。\n")
#define SAY_WHO(l)	  IN(l, "* In %s, %u: %s%s\n", "* %s共 %u 人：%s%s\n")
#define SAY_AND(l)	  IN(l, ", ", "、")
#define SAY_AND_MORE(l)	  IN(l, " …", "……")
#define SAY_ROOM_COUNT(l) IN(l, "* %s: %u\n", "* %s：%u 人\n")
#define SAY_MSG_HOW(l)	  IN(l, "Type: /msg NAME TEXT\n", "请输入：/msg 用户名 内容\n")
#define SAY_NOT_HERE(l)	  IN(l, "%s is not here; it was not delivered.\n", "%s 不在线，没有发出。\n")
#define SAY_NO_HISTORY(l)                                                                          \
	IN(l, "The history cannot be read now (%s).\n", "现在无法读取历史记录（%s）。\n")
#define SAY_HISTORY_HOW(l)                                                                         \
	IN(l, "Type: /history N, with N from 1 to %u\n", "请输入：/history N，N 为 1 到 %u\n")

#endif
