/*
 * curl.h - libcurl, loaded when it is first needed.
 *
 * Linked, libcurl and what it brings along (some twenty libraries) cost every
 * start of the program 4.4 ms of processor time and 7 ms of waiting, where all
 * the rest costs 3.9 ms (perf stat -r 50).  Most commands never use a network,
 * so it is opened by dlopen(), and here only is said how.
 */
#ifndef AWS_CURL_H
#define AWS_CURL_H

#include <curl/curl.h>

struct err;

/* The functions that are used, under their names without `curl_`. */
struct curl_functions {
	CURLcode (*global_init)(long flags);
	CURL *(*easy_init)(void);
	void (*easy_cleanup)(CURL *easy);
	void (*easy_reset)(CURL *easy);
	CURLcode (*easy_setopt)(CURL *easy, CURLoption option, ...);
	CURLcode (*easy_getinfo)(CURL *easy, CURLINFO info, ...);
	CURLcode (*easy_pause)(CURL *easy, int bits);
	const char *(*easy_strerror)(CURLcode code);
	CURLM *(*multi_init)(void);
	CURLMcode (*multi_cleanup)(CURLM *multi);
	CURLMcode (*multi_setopt)(CURLM *multi, CURLMoption option, ...);
	CURLMcode (*multi_add_handle)(CURLM *multi, CURL *easy);
	CURLMcode (*multi_remove_handle)(CURLM *multi, CURL *easy);
	CURLMcode (*multi_socket_action)(CURLM *multi, curl_socket_t fd,
					 int events, int *running);
	CURLMsg *(*multi_info_read)(CURLM *multi, int *left);
	const char *(*multi_strerror)(CURLMcode code);
};

/*
 * All of them, from any thread; NULL with ERR_SYSTEM if there is no libcurl, or
 * one that is too old.
 */
const struct curl_functions *curl_load(struct err *err);

#endif
