/*M!999999\- enable the sandbox mode */ 
/*!40101 SET @OLD_CHARACTER_SET_CLIENT=@@CHARACTER_SET_CLIENT */;
/*!40101 SET @OLD_CHARACTER_SET_RESULTS=@@CHARACTER_SET_RESULTS */;
/*!40101 SET @OLD_COLLATION_CONNECTION=@@COLLATION_CONNECTION */;
/*!40101 SET NAMES utf8mb4 */;
/*!40103 SET @OLD_TIME_ZONE=@@TIME_ZONE */;
/*!40103 SET TIME_ZONE='+00:00' */;
/*!40014 SET @OLD_UNIQUE_CHECKS=@@UNIQUE_CHECKS, UNIQUE_CHECKS=0 */;
/*!40014 SET @OLD_FOREIGN_KEY_CHECKS=@@FOREIGN_KEY_CHECKS, FOREIGN_KEY_CHECKS=0 */;
/*!40101 SET @OLD_SQL_MODE=@@SQL_MODE, SQL_MODE='NO_AUTO_VALUE_ON_ZERO' */;
/*!40111 SET @OLD_SQL_NOTES=@@SQL_NOTES, SQL_NOTES=0 */;
DROP TABLE IF EXISTS `access_token_changes`;
/*!40101 SET @saved_cs_client     = @@character_set_client */;
/*!40101 SET character_set_client = utf8mb4 */;
CREATE TABLE `access_token_changes` (
  `id` bigint(20) unsigned NOT NULL AUTO_INCREMENT,
  `token_id` bigint(20) unsigned NOT NULL,
  `token_label` varchar(200) NOT NULL,
  `actor` varchar(200) NOT NULL,
  `action` varchar(32) NOT NULL,
  `before` text NOT NULL,
  `after` text NOT NULL,
  `form_key` varchar(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin DEFAULT NULL,
  `at` datetime(3) NOT NULL,
  PRIMARY KEY (`id`),
  UNIQUE KEY `form_key` (`form_key`),
  KEY `access_token_changes_by_token` (`token_id`,`id`)
) ENGINE=InnoDB AUTO_INCREMENT=5 DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;
/*!40101 SET character_set_client = @saved_cs_client */;
LOCK TABLES `access_token_changes` WRITE;
/*!40000 ALTER TABLE `access_token_changes` DISABLE KEYS */;
INSERT INTO `access_token_changes` (`id`, `token_id`, `token_label`, `actor`, `action`, `before`, `after`, `form_key`, `at`) VALUES (1,1,'Zoë’s preview 🦊','anna','created','{}','{\"expires\":\"never\",\"issued to\":\"Zoë \\u003cZoe@Example.com\\u003e\",\"label\":\"Zoë’s preview 🦊\",\"max uses\":\"any number\",\"status\":\"active\"}',NULL,'2026-11-22 19:00:39.274');
INSERT INTO `access_token_changes` (`id`, `token_id`, `token_label`, `actor`, `action`, `before`, `after`, `form_key`, `at`) VALUES (2,2,'Once','anna','created','{}','{\"expires\":\"never\",\"label\":\"Once\",\"max uses\":\"1\",\"status\":\"active\"}',NULL,'2026-11-22 19:00:39.276');
INSERT INTO `access_token_changes` (`id`, `token_id`, `token_label`, `actor`, `action`, `before`, `after`, `form_key`, `at`) VALUES (3,1,'Zoë’s preview 🦊','anna','deactivated','{\"status\":\"active\"}','{\"status\":\"deactivated\"}',NULL,'2026-11-22 19:00:39.280');
INSERT INTO `access_token_changes` (`id`, `token_id`, `token_label`, `actor`, `action`, `before`, `after`, `form_key`, `at`) VALUES (4,1,'Zoë’s preview 🦊','anna','activated','{\"status\":\"deactivated\"}','{\"status\":\"active\"}',NULL,'2026-11-22 19:00:39.281');
/*!40000 ALTER TABLE `access_token_changes` ENABLE KEYS */;
UNLOCK TABLES;
DROP TABLE IF EXISTS `access_token_uses`;
/*!40101 SET @saved_cs_client     = @@character_set_client */;
/*!40101 SET character_set_client = utf8mb4 */;
CREATE TABLE `access_token_uses` (
  `id` bigint(20) unsigned NOT NULL AUTO_INCREMENT,
  `ref` varchar(32) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  `token_id` bigint(20) unsigned NOT NULL,
  `token_check` varchar(32) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  `token_label` varchar(200) NOT NULL,
  `name` varchar(200) NOT NULL,
  `email` varchar(254) NOT NULL,
  `email_key` varchar(254) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  `ip` varchar(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  `user_agent` varchar(512) NOT NULL,
  `channel` varchar(8) NOT NULL,
  `at` datetime(3) NOT NULL,
  `last_seen_at` datetime(3) DEFAULT NULL,
  `ended_at` datetime(3) DEFAULT NULL,
  PRIMARY KEY (`id`),
  UNIQUE KEY `access_token_uses_ref` (`ref`),
  KEY `access_token_uses_by_time` (`at`,`id`),
  KEY `access_token_uses_by_token` (`token_id`,`at`,`id`),
  KEY `access_token_uses_by_email` (`email_key`,`at` DESC,`id` DESC),
  KEY `access_token_uses_by_ip` (`ip`,`at`,`id`),
  KEY `access_token_uses_by_end` (`ended_at`)
) ENGINE=InnoDB AUTO_INCREMENT=3 DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;
/*!40101 SET character_set_client = @saved_cs_client */;
LOCK TABLES `access_token_uses` WRITE;
/*!40000 ALTER TABLE `access_token_uses` DISABLE KEYS */;
INSERT INTO `access_token_uses` (`id`, `ref`, `token_id`, `token_check`, `token_label`, `name`, `email`, `email_key`, `ip`, `user_agent`, `channel`, `at`, `last_seen_at`, `ended_at`) VALUES (1,'AAECAwQFBgcICQoLDA0ODw',1,'4acb8bb758f83f5ae11d675707e8d497','Zoë’s preview 🦊','Zoë','Zoe@Example.com','zoe@example.com','2001:db8::1','Browser','form','2026-03-01 12:30:15.123',NULL,NULL);
INSERT INTO `access_token_uses` (`id`, `ref`, `token_id`, `token_check`, `token_label`, `name`, `email`, `email_key`, `ip`, `user_agent`, `channel`, `at`, `last_seen_at`, `ended_at`) VALUES (2,'QuYDNBa28HGSbORRBsE-gg',2,'23c08bc6795ceff9b32345920f8e759d','Once','Zoë','zoe@example.com','zoe@example.com','2001:db8::1','Browser','form','2026-03-01 12:30:15.123',NULL,NULL);
/*!40000 ALTER TABLE `access_token_uses` ENABLE KEYS */;
UNLOCK TABLES;
DROP TABLE IF EXISTS `access_tokens`;
/*!40101 SET @saved_cs_client     = @@character_set_client */;
/*!40101 SET character_set_client = utf8mb4 */;
CREATE TABLE `access_tokens` (
  `id` bigint(20) unsigned NOT NULL AUTO_INCREMENT,
  `label` varchar(200) NOT NULL,
  `label_key` varchar(200) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  `digest` varchar(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  `hint` varchar(8) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  `expires_at` datetime(3) DEFAULT NULL,
  `deactivated_at` datetime(3) DEFAULT NULL,
  `max_uses` bigint(20) NOT NULL DEFAULT 0,
  `use_count` bigint(20) NOT NULL DEFAULT 0,
  `for_name` varchar(200) NOT NULL,
  `for_email` varchar(254) NOT NULL,
  `for_email_key` varchar(254) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  `created_by` varchar(200) NOT NULL,
  `version` bigint(20) NOT NULL DEFAULT 1,
  `created_at` datetime(3) NOT NULL,
  `updated_at` datetime(3) NOT NULL,
  `standing` tinyint(4) GENERATED ALWAYS AS (case when `deactivated_at` is not null then 2 when `max_uses` > 0 and `use_count` >= `max_uses` then 1 else 0 end) STORED,
  `ends_at` datetime(3) GENERATED ALWAYS AS (coalesce(`expires_at`,TIMESTAMP'9999-12-31 00:00:00')) STORED,
  PRIMARY KEY (`id`),
  UNIQUE KEY `access_tokens_digest` (`digest`),
  KEY `access_tokens_by_label` (`label_key`,`id`),
  KEY `access_tokens_by_email` (`for_email_key`,`id`),
  KEY `access_tokens_by_hint` (`hint`),
  KEY `access_tokens_by_standing` (`standing`,`ends_at`,`id`),
  KEY `access_tokens_by_deactivation` (`deactivated_at`,`id`)
) ENGINE=InnoDB AUTO_INCREMENT=3 DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;
/*!40101 SET character_set_client = @saved_cs_client */;
LOCK TABLES `access_tokens` WRITE;
/*!40000 ALTER TABLE `access_tokens` DISABLE KEYS */;
INSERT INTO `access_tokens` (`id`, `label`, `label_key`, `digest`, `hint`, `expires_at`, `deactivated_at`, `max_uses`, `use_count`, `for_name`, `for_email`, `for_email_key`, `created_by`, `version`, `created_at`, `updated_at`, `standing`, `ends_at`) VALUES (1,'Zoë’s preview 🦊','zoë’s preview 🦊','4acb8bb758f83f5ae11d675707e8d4974b96d233ad539de3f9cc68612e45e67d','',NULL,NULL,0,1,'Zoë','Zoe@Example.com','zoe@example.com','anna',3,'2026-11-22 19:00:39.274','2026-11-22 19:00:39.281',0,'9999-12-31 00:00:00.000');
INSERT INTO `access_tokens` (`id`, `label`, `label_key`, `digest`, `hint`, `expires_at`, `deactivated_at`, `max_uses`, `use_count`, `for_name`, `for_email`, `for_email_key`, `created_by`, `version`, `created_at`, `updated_at`, `standing`, `ends_at`) VALUES (2,'Once','once','23c08bc6795ceff9b32345920f8e759d530f6b1ded627d8ebf602c7aab0a034a','',NULL,NULL,1,1,'','','','anna',1,'2026-11-22 19:00:39.275','2026-11-22 19:00:39.275',1,'9999-12-31 00:00:00.000');
/*!40000 ALTER TABLE `access_tokens` ENABLE KEYS */;
UNLOCK TABLES;
DROP TABLE IF EXISTS `perimeter_schema`;
/*!40101 SET @saved_cs_client     = @@character_set_client */;
/*!40101 SET character_set_client = utf8mb4 */;
CREATE TABLE `perimeter_schema` (
  `id` bigint(20) unsigned NOT NULL,
  `version` bigint(20) NOT NULL,
  PRIMARY KEY (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;
/*!40101 SET character_set_client = @saved_cs_client */;
LOCK TABLES `perimeter_schema` WRITE;
/*!40000 ALTER TABLE `perimeter_schema` DISABLE KEYS */;
INSERT INTO `perimeter_schema` (`id`, `version`) VALUES (1,1);
/*!40000 ALTER TABLE `perimeter_schema` ENABLE KEYS */;
UNLOCK TABLES;
/*!40103 SET TIME_ZONE=@OLD_TIME_ZONE */;
/*!40101 SET SQL_MODE=@OLD_SQL_MODE */;
/*!40014 SET FOREIGN_KEY_CHECKS=@OLD_FOREIGN_KEY_CHECKS */;
/*!40014 SET UNIQUE_CHECKS=@OLD_UNIQUE_CHECKS */;
/*!40101 SET CHARACTER_SET_CLIENT=@OLD_CHARACTER_SET_CLIENT */;
/*!40101 SET CHARACTER_SET_RESULTS=@OLD_CHARACTER_SET_RESULTS */;
/*!40101 SET COLLATION_CONNECTION=@OLD_COLLATION_CONNECTION */;
/*!40111 SET SQL_NOTES=@OLD_SQL_NOTES */;
