#!/usr/bin/env python3
"""Is a page what a careful reader's tools can take?

    wellformed.py PAGE...

Well-formed XML, and then: every id once and every link to one of them; nothing
loaded from anywhere and no script but the page's own; tables with captions,
scopes and rows of one length; headings in order; pictures with names.
Prints what is wrong, and fails if anything is.
"""
import base64
import hashlib
import re
import sys
import xml.etree.ElementTree as ET

LOADS = {'script', 'link', 'img', 'iframe', 'object', 'embed', 'base', 'form',
         'audio', 'video', 'source', 'use', 'image', 'foreignObject'}


def check(path):
    with open(path, encoding='utf-8', newline='') as f:
        text = f.read()
    root = ET.fromstring(text)
    wrong = []

    def say(what):
        wrong.append('%s: %s' % (path, what))

    every = list(root.iter())
    by_name = lambda name: [e for e in every if e.tag == name]
    if not text.startswith('<!DOCTYPE html>\n<html lang="en">'):
        say('does not begin as a page')

    # Nothing from elsewhere.
    for e in every:
        if e.tag in LOADS and not (e.tag == 'script' and not e.attrib):
            say('<%s>' % e.tag)
        for name, value in e.attrib.items():
            if name.startswith('on') or name in ('style', 'src', 'srcset'):
                say('%s=%r' % (name, value))
            if name == 'href' and not value.startswith('#'):
                say('a link to %r' % value)
    css = ''.join(by_name('style')[0].itertext())
    if re.search(r'url\(|@import|expression', css):
        say('the style sheet loads something')
    if len(by_name('script')) != 1 or len(by_name('style')) != 1:
        say('more than one script or style')
    policy = [e.get('content') for e in by_name('meta')
              if e.get('http-equiv') == 'Content-Security-Policy'][0]
    for name in ('style', 'script'):
        raw = re.search('<%s>(.*?)</%s>' % (name, name), text, re.S).group(1)
        digest = hashlib.sha256(raw.encode()).digest()
        if "%s-src 'sha256-%s'" % (name, base64.b64encode(digest).decode()) \
                not in policy:
            say('the policy does not know the %s' % name)

    # Links within.
    ids = [e.get('id') for e in every if e.get('id') is not None]
    if len(ids) != len(set(ids)):
        say('an id twice')
    for a in by_name('a'):
        if a.get('href')[1:] not in ids:
            say('a link to nowhere: ' + a.get('href'))

    # Tables.
    for table in by_name('table'):
        caption = table.find('caption')
        name = ''.join(caption.itertext()) if caption is not None else '?'
        if caption is None or not name.strip():
            say('a table without a caption')
        heads = table.findall('./thead/tr/th')
        if not heads or any(h.get('scope') != 'col' for h in heads):
            say('%s: heads' % name)
        for row in table.findall('./tbody/tr') + table.findall('./tfoot/tr'):
            if len(row) != len(heads):
                say('%s: %d cells under %d heads'
                    % (name, len(row), len(heads)))
            if row[0].tag != 'th' or row[0].get('scope') != 'row':
                say('%s: a row without a head' % name)

    # Headings, pictures, hidden characters.
    levels = [int(e.tag[1]) for e in every if re.fullmatch('h[1-6]', e.tag)]
    if levels[0] != 1 or levels.count(1) != 1 or \
            any(b > a + 1 for a, b in zip(levels, levels[1:])):
        say('headings: %s' % levels)
    inner = {id(s) for svg in by_name('svg') for s in svg.iter('svg')
             if s is not svg}
    for svg in by_name('svg'):
        if id(svg) not in inner and svg.get('aria-hidden') != 'true' and \
                not (svg.get('role') == 'img' and svg.get('aria-label')):
            say('a picture without a name')
    body = text[text.index('<body>'):text.index('<script>')]
    found = re.search('[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b\u200e\u200f'
                      '\u2028-\u202e\u2060-\u206f\ufeff\ufffe\uffff]', body)
    if found:
        say('a hidden character: %r' % found.group())
    return wrong


def main():
    wrong = [w for path in sys.argv[1:] for w in check(path)]
    for w in wrong:
        print(w)
    sys.exit(bool(wrong))


main()
